"""MediaPipe's own 3D of a video, in a file to compare ours with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.floor.ground import from_angles
from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES
from realtime.files.mediapipe_world import mediapipe_world
from realtime.files.poses_file import read_poses

pytest.importorskip("mediapipe")
FRAMES = 20
HEAD, ANKLES = JOINT_NAMES.index("head"), [JOINT_NAMES.index("right_ankle"), JOINT_NAMES.index("left_ankle")]


def realtime(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def clip(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of a clip, before them some of nobody."""
    path = tmp_path_factory.mktemp("clip") / "short.avi"
    source = cv2.VideoCapture(str(clips / "tfjs_pose_1.mp4"))
    frames = [source.read()[1] for _ in range(FRAMES)]
    source.release()
    size_wh = frames[0].shape[1], frames[0].shape[0]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, size_wh)
    for frame in [np.full_like(frames[0], 127)] * 3 + frames:
        writer.write(frame)
    writer.release()
    return path


def test_it_is_a_file_that_ours_is_compared_with(clip: Path, tmp_path: Path) -> None:
    ours, theirs, sheet = tmp_path / "ours.npz", tmp_path / "theirs.npz", tmp_path / "both.png"
    for arguments in (("lift", clip, "-o", ours), ("lift", clip, "-o", theirs, "--mediapipe-world"),
                      ("view", ours, "--compare", theirs, "--render", sheet, "--size", "320x240")):  # fmt: skip
        done = realtime(*arguments)
        assert done.returncode == 0, done.stderr
    poses, lifted = read_poses(theirs), read_poses(ours)
    assert poses.model == "mediapipe-full"
    assert np.array_equal(poses.t_s, lifted.t_s)
    seen = ~poses.held & ~lifted.held
    assert seen.sum() >= FRAMES - 5
    assert np.abs(poses.joints_m[seen, 0]).max() == 0
    apart_m = np.linalg.norm(poses.joints_m[seen] - lifted.joints_m[seen], axis=-1)
    assert 0.01 < np.median(apart_m) < 0.3  # another model's, of the same person
    assert np.isnan(poses.root_m).all()
    assert np.isnan(poses.sigma_m).all()
    assert cv2.imread(str(sheet)) is not None


def test_a_floor_turns_it_upright(clip: Path) -> None:
    plain, turned = mediapipe_world(clip), mediapipe_world(clip, ground=from_angles(1.0, 0.0))
    seen = ~plain.held
    assert np.array_equal(plain.held, turned.held)
    assert np.allclose(turned.joints_m[seen][..., 2], -plain.joints_m[seen][..., 1], atol=1e-6)
    assert (turned.joints_m[seen][:, HEAD, 2] > turned.joints_m[seen][:, ANKLES, 2].max(1)).all()
    assert (plain.space, turned.space) == ("camera", "world")


def test_who_was_never_seen_has_no_pose(clip: Path, tmp_path: Path) -> None:
    poses = mediapipe_world(clip)
    assert poses.held[0]
    assert np.isnan(poses.joints_m[0]).all()
    empty = tmp_path / "empty.avi"
    writer = cv2.VideoWriter(str(empty), cv2.VideoWriter_fourcc(*"MJPG"), 30, (320, 240))
    for _ in range(5):
        writer.write(np.full((240, 320, 3), 127, np.uint8))
    writer.release()
    with pytest.raises(UserError, match="nobody was seen"):
        mediapipe_world(empty)


def test_what_it_cannot_be_made_of_is_told(tmp_path: Path) -> None:
    done = realtime("lift", tmp_path / "none.mp4", "-o", tmp_path / "a.npz", "--mediapipe-world")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.npz").exists()
