"""Knuckles in other programs' formats: hands turned to them in figures, markers and columns of their own, none in gaps.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import c3d
import numpy as np
import pytest
from figures import in_camera, take_of_people, turn, walk

from engines.models.skeleton import HANDS
from engines.motion.importers.bvh import read_bvh
from realtime.export.export_file import export_file
from realtime.export.markers import MARKERS, OF_HANDS
from realtime.export.recording import read_tracks
from realtime.rig.axes import to_y_up, to_z_up
from realtime.rig.nodes import KNUCKLES
from realtime.rig.rotations import node_rotations

FRAMES, GAPS, UNSEEN = 40, (12, 13), 20  # from frame 20 on the right little finger's is not seen
WALK = walk(FRAMES)
WRISTS = [16, 16, 16, 13, 13, 13]
PALMS = np.stack([
    turn("y", 70 + 3 * np.arange(FRAMES)) @ turn("x", 20 * np.sin(np.arange(FRAMES) / 4)) @ np.array(part)
    for part in ((0.02, -0.08, 0.01), (-0.02, -0.09, 0.03), (-0.04, -0.06, 0.04)) * 2
], 1)  # fmt: skip
JOINTS, HANDS_M = in_camera(WALK), in_camera(WALK[:, WRISTS] + PALMS)
HANDS_M[UNSEEN:, 0] = np.nan
THERE = np.setdiff1d(np.arange(FRAMES), GAPS)
pytestmark = pytest.mark.filterwarnings("ignore:No analog data found:UserWarning")  # c3d's word for markers alone


@pytest.fixture
def take(tmp_path: Path) -> Path:
    changes: dict[tuple[int, int], dict[str, Any]] = {
        (4, frame): {"hands_m": (HANDS_M[frame] - JOINTS[frame, 0]).astype(np.float32),
                     "hands_sigma_m": np.where(np.isnan(HANDS_M[frame, :, 0]), np.nan, 0.05).astype(np.float32),
                     "held": frame in GAPS}
        for frame in range(FRAMES)
    }  # fmt: skip
    return take_of_people(tmp_path / "take.mcap", {4: JOINTS}, changes=changes)


def test_a_bvh_points_its_hands_to_the_knuckles(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "walk.bvh")
    clip = read_bvh(written.path)
    wanted = to_y_up(HANDS_M, "camera") - to_y_up(JOINTS[:, WRISTS], "camera")
    for name, knuckles in KNUCKLES.items():
        tip, own = clip.joints[f"{name}.end"] - clip.joints[name], np.nanmean(wanted[:, knuckles], 1)
        cosine = (tip * own).sum(1) / np.linalg.norm(tip, axis=1) / np.linalg.norm(own, axis=1)
        assert cosine[THERE].min() > np.cos(np.radians(0.5))


def test_knuckles_are_markers(tmp_path: Path, take: Path) -> None:
    names = [*MARKERS, *OF_HANDS]
    (written,) = export_file(take, tmp_path / "walk.c3d")
    with written.path.open("rb") as file:
        reader = c3d.Reader(file)
        points = np.stack([points for _, points, _ in reader.read_frames()])
    assert [label.strip() for label in reader.point_labels] == names
    own, wanted = points[:, len(MARKERS) :], 1000 * to_z_up(HANDS_M, "camera")
    lost = np.isnan(HANDS_M[..., 0]) | np.isin(np.arange(FRAMES), GAPS)[:, None]
    assert abs(own[~lost][:, :3] - wanted[~lost]).max() < 0.1
    assert (own[lost][:, 3] == -1).all()
    (written,) = export_file(take, tmp_path / "walk.trc")
    lines = written.path.read_text().split("\n")
    assert [name for name in lines[3].split("\t")[2:] if name] == names
    last = lines[6 + FRAMES - 1].split("\t")[2 + 3 * len(MARKERS) :]
    assert last[:3] == [""] * 3
    np.testing.assert_allclose(np.array(last[3:], float).reshape(5, 3), 1000 * to_y_up(HANDS_M[-1, 1:], "camera"),
                               atol=0.1)  # fmt: skip


def test_knuckles_are_columns_and_fields(tmp_path: Path, take: Path) -> None:
    export_file(take, tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open() as file:
        rows = list(csv.DictReader(file))
    for point, name in enumerate(HANDS):
        np.testing.assert_allclose([float(rows[5][f"{name}_{axis}_m"]) for axis in "xyz"], HANDS_M[5, point], atol=1e-5)
        assert rows[GAPS[0]][f"{name}_sigma_m"] == "NaN"
    assert rows[UNSEEN]["right_pinky_x_m"] == rows[UNSEEN]["right_pinky_sigma_m"] == "NaN"
    export_file(take, tmp_path / "walk.json")
    document = json.loads((tmp_path / "walk.json").read_text())
    assert document["hands"] == list(HANDS)
    hands = document["people"][0]["hands_m"]
    np.testing.assert_allclose(hands[5], HANDS_M[5], atol=1e-5)
    assert hands[GAPS[0]] is None
    assert hands[UNSEEN][0] is None
    np.testing.assert_allclose(hands[UNSEEN][1:], HANDS_M[UNSEEN, 1:], atol=1e-5)


def test_hands_that_are_not_known_turn_with_their_forearms(tmp_path: Path) -> None:
    (track,) = read_tracks(take_of_people(tmp_path / "bare.mcap", {4: JOINTS}))
    assert track.hands_m is None
    np.testing.assert_array_equal(node_rotations(WALK, None, np.full((FRAMES, 6, 3), np.nan)), node_rotations(WALK))
