"""Feet in other programs' formats: turned to their toes in figures, markers and columns of their own, none in gaps."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import c3d
import numpy as np
import pytest
from figures import in_camera, take_of_people, turn, walk

from engines.models.skeleton import FEET
from engines.motion.importers.bvh import read_bvh
from realtime.export.export_file import export_file
from realtime.export.markers import MARKERS, OF_FEET
from realtime.export.recording import read_tracks
from realtime.rig.axes import to_y_up, to_z_up
from realtime.rig.nodes import TOES
from realtime.rig.rotations import node_rotations

FRAMES, GAPS = 40, (12, 13)
WALK = walk(FRAMES)
SOLES = np.stack([
    turn("y", 70 + 3 * np.arange(FRAMES)) @ turn("x", 20 * np.sin(np.arange(FRAMES) / 4)) @ np.array(part)
    for part in ((0, -0.07, -0.05), (0, -0.06, 0.17)) * 2
], 1)  # fmt: skip
JOINTS, FEET_M = in_camera(WALK), in_camera(WALK[:, [3, 3, 6, 6]] + SOLES)
pytestmark = pytest.mark.filterwarnings("ignore:No analog data found:UserWarning")  # c3d's word for markers alone


@pytest.fixture
def take(tmp_path: Path) -> Path:
    changes: dict[tuple[int, int], dict[str, Any]] = {
        (4, frame): {"feet_m": (FEET_M[frame] - JOINTS[frame, 0]).astype(np.float32),
                     "feet_sigma_m": np.full(4, 0.05, np.float32), "held": frame in GAPS}
        for frame in range(FRAMES)
    }  # fmt: skip
    return take_of_people(tmp_path / "take.mcap", {4: JOINTS}, changes=changes)


def test_a_bvh_points_its_feet_to_the_toes(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "walk.bvh")
    clip = read_bvh(written.path)
    wanted = to_y_up(FEET_M, "camera") - to_y_up(JOINTS[:, [3, 3, 6, 6]], "camera")
    there = np.setdiff1d(np.arange(FRAMES), GAPS)
    for name, toe in TOES.items():
        tip, own = clip.joints[f"{name}.end"] - clip.joints[name], wanted[:, toe]
        cosine = (tip * own).sum(1) / np.linalg.norm(tip, axis=1) / np.linalg.norm(own, axis=1)
        assert cosine[there].min() > np.cos(np.radians(0.5))


def test_feet_are_markers(tmp_path: Path, take: Path) -> None:
    names = [*MARKERS, *OF_FEET]
    (written,) = export_file(take, tmp_path / "walk.c3d")
    with written.path.open("rb") as file:
        reader = c3d.Reader(file)
        points = np.stack([points for _, points, _ in reader.read_frames()])
    assert [label.strip() for label in reader.point_labels] == names
    there = np.setdiff1d(np.arange(FRAMES), GAPS)
    wanted = 1000 * to_z_up(FEET_M, "camera")
    assert abs(points[there, len(MARKERS) :, :3] - wanted[there]).max() < 0.1
    assert (points[list(GAPS), :, 3] == -1).all()
    (written,) = export_file(take, tmp_path / "walk.trc")
    lines = written.path.read_text().split("\n")
    assert [name for name in lines[3].split("\t")[2:] if name] == names
    rows = [lines[6 + row].split("\t")[2:] for row in range(FRAMES)]
    last = np.array(rows[there[-1]][3 * len(MARKERS) :], float).reshape(4, 3)
    np.testing.assert_allclose(last, 1000 * to_y_up(FEET_M[there[-1]], "camera"), atol=0.1)
    assert set(rows[GAPS[0]]) == {""}


def test_feet_are_columns_and_fields(tmp_path: Path, take: Path) -> None:
    export_file(take, tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open() as file:
        rows = list(csv.DictReader(file))
    for point, name in enumerate(FEET):
        np.testing.assert_allclose([float(rows[5][f"{name}_{axis}_m"]) for axis in "xyz"], FEET_M[5, point], atol=1e-5)
        assert rows[GAPS[0]][f"{name}_sigma_m"] == "NaN"
    export_file(take, tmp_path / "walk.json")
    document = json.loads((tmp_path / "walk.json").read_text())
    assert document["feet"] == list(FEET)
    np.testing.assert_allclose(document["people"][0]["feet_m"][5], FEET_M[5], atol=1e-5)
    assert document["people"][0]["feet_m"][GAPS[0]] is None


def test_a_recording_without_feet_has_none(tmp_path: Path) -> None:
    (track,) = read_tracks(take_of_people(tmp_path / "bare.mcap", {4: JOINTS}))
    assert track.feet_m is None
    np.testing.assert_array_equal(node_rotations(WALK, np.full((FRAMES, 4, 3), np.nan)), node_rotations(WALK))
