"""`realtime bench place`: truths that are known beforehand come back, and the worst of a table is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from walk_clips import straight_walk

from calibration.floor.ground import from_angles
from calibration.floor.synthetic_walk import see, walk_squares
from engines.errors import UserError
from realtime.bench.placing import place_cases
from realtime.bench.placing.place import _worst, bench_place
from realtime.bench.placing.place_cases import contact_heights, guess_rows, return_error, walk_rows


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    return straight_walk()


def test_boards_of_a_known_lens_give_it_back_in_the_last_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(place_cases, "FOCALS", (0.9,))  # of nine lenses one
    monkeypatch.setattr(place_cases, "DISTORTIONS", ((-0.3, 0.12, 0.001, -0.001, 0),))
    bench_place(None, "", "default", boards=True)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    (board,) = result["boards"]
    assert (board["focal_px"], board["k1"]) == (0.9 * 1280, -0.3)
    assert board["focal_error_percent"] < 0.5
    assert board["centre_error_px"] < 3
    assert {worst["measure"]: worst["met"] for worst in result["worst"]} == dict.fromkeys(
        ("focal_error_percent", "centre_error_px", "rms_px"), True
    )
    assert all(cost > 0 for cost in result["place_root_us"].values())


def test_a_walk_before_a_known_camera_gives_its_floor_and_the_walk_back(
    walk: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_cases, "_WALK_S", 24)
    row = next(walk_rows({"made": walk}, "default"))
    assert (row["clip"], row["camera_m"], row["keypoints"]) == ("made", place_cases.MOUNTS[0][0], "perfect")
    assert row["normal_error_deg"] < 3
    assert row["height_error_percent"] < 5
    assert row["root_error_with_floor_percent"] < 5


def test_a_lens_is_guessed_near_the_one_that_saw_the_walk(walk: np.ndarray) -> None:
    row = next(guess_rows({"made": walk}, "default"))
    assert (row["clip"], row["hfov_deg"], row["keypoints"]) == ("made", 40.0, "perfect")
    assert row["error_deg"] == abs(row["guess_deg"] - 40)
    assert row["error_deg"] < 20


def test_feet_that_stand_on_the_floor_are_not_off_it(walk: np.ndarray) -> None:
    scene = see(walk_squares(walk, 12), from_angles(1.5, -10))
    truth = scene.world_m[:, 0]
    poses = scene.world_m - scene.world_m[:, :1]
    assert np.abs(np.median(contact_heights(scene, truth, poses))) < 0.01
    raised = contact_heights(scene, truth + np.array((0, 0, 0.1)), poses)
    assert np.median(raised) == pytest.approx(0.1, abs=0.01)


def test_who_comes_back_where_they_started_is_told_how_far_off_they_are() -> None:
    angle = np.linspace(0, 4 * np.pi, 601)
    truth = np.stack([np.cos(angle), np.sin(angle), np.zeros(601)], 1)
    drifting = truth + np.linspace(0, 1, 601)[:, None] * (0, 0, 0.6)
    assert return_error(truth, truth) == pytest.approx(0, abs=0.02)
    assert return_error(drifting, truth) == pytest.approx(0.3, abs=0.02)
    assert np.isnan(return_error(truth[:200], truth[:200]))  # has not come back


def test_the_worst_is_of_the_keypoints_it_is_told_for() -> None:
    rows = [{"keypoints": "perfect", "error": 1.0}, {"keypoints": "noisy", "error": 4.0}]
    assert _worst(rows, "walks", "error", 3.0, "perfect")["met"]
    every = _worst(rows, "walks", "error", 3.0, None)
    assert (every["worst"], every["keypoints"], every["met"]) == (4.0, "all", False)


def test_without_anything_to_measure_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to measure: add --mocap"):
        bench_place(None, "a", "default", boards=False)
    with pytest.raises(UserError, match="give an npz of clips with --mocap"):
        bench_place(tmp_path / "none.npz", "a", "default", boards=False)
    np.savez(tmp_path / "clips.npz", a=np.zeros((3, 17, 3)))
    with pytest.raises(UserError, match=r"lacks a clip: name others with --clips \(b"):
        bench_place(tmp_path / "clips.npz", "a,b", "default", boards=False)
