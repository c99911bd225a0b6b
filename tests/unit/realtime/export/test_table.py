"""Tables and JSON: opened by other libraries, the numbers are the recording's, gaps are NaN and null."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars
import pytest
from figures import in_camera, take_of_people, walk

from engines.models.skeleton import JOINT_NAMES
from realtime.export.export_file import export_file
from realtime.rig.angles import ANGLES

FRAMES, GAPS = 40, (8, 9)
PEOPLE = {2: in_camera(walk(FRAMES)), 5: in_camera(walk(FRAMES, 2.0), 7.0)}


@pytest.fixture
def take(tmp_path: Path) -> Path:
    changes = {(5, gap): {"held": True} for gap in GAPS} | {(2, 4): {"unseen": (3,)}}
    return take_of_people(tmp_path / "take.mcap", PEOPLE, changes=changes)


def check(columns: dict[str, np.ndarray]) -> None:
    names = [f"{joint}_{axis}_m" for joint in JOINT_NAMES for axis in "xyz"]
    for person, joints in PEOPLE.items():
        rows = columns["person"] == str(person)
        assert rows.sum() == FRAMES
        found = np.stack([columns[name][rows] for name in names], 1).astype(float).reshape(FRAMES, 17, 3)
        gaps = GAPS if person == 5 else ()
        assert np.flatnonzero(np.isnan(found).any((1, 2))).tolist() == list(gaps)
        there = np.setdiff1d(np.arange(FRAMES), gaps)
        np.testing.assert_allclose(found[there], joints[there], atol=2e-6)
        np.testing.assert_allclose(columns["t_s"][rows].astype(float), np.arange(FRAMES) / 30, atol=1e-6)
    assert set(columns["space"]) == {"camera"}
    assert {f"{name}_deg" for name in ANGLES} < set(columns)
    right = columns["right_ankle_unseen"][columns["person"] == "2"].astype(int)
    assert np.flatnonzero(right).tolist() == [4]


def test_csv(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "all.csv")
    assert written.said == "80 rows, 2 of them gaps (NaN)"
    with written.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    check({name: np.array([row[name] for row in rows]) for name in rows[0]})


def test_parquet(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "all.parquet")
    check({column.name: column.to_numpy() for column in polars.read_parquet(written.path)})


def test_json(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "all.json", person="5")
    document = json.loads(written.path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert document["joints"] == list(JOINT_NAMES)
    assert (document["unit"], document["space"]) == ("metre", "camera")
    (person,) = document["people"]
    assert person["id"] == "5"
    assert [row for row, pose in enumerate(person["joints_m"]) if pose is None] == list(GAPS)
    assert [row for row, errors in enumerate(person["sigma_m"]) if errors is None] == list(GAPS)
    there = np.setdiff1d(np.arange(FRAMES), GAPS)
    np.testing.assert_allclose([person["joints_m"][row] for row in there], PEOPLE[5][there], atol=2e-6)


def test_the_knees_of_a_table_are_those_that_were_bent(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "all.csv", person="2")
    with written.path.open(newline="") as file:
        knees = [float(row["right_knee_flexion_deg"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(knees, 35 + 30 * np.cos(2 * np.pi * 0.9 * np.arange(FRAMES) / 30), atol=1e-3)


def test_a_rate_makes_even_rows(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "all.parquet", person="2", rate_hz=100)
    times = polars.read_parquet(written.path)["t_s"].to_numpy()
    np.testing.assert_allclose(np.diff(times), 0.01, atol=1e-12)
