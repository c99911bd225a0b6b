"""Steadiness of poses with no truth known: by hand, by what must hold, and on a clip of a person."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines.errors import UserError
from engines.evaluation.real_people import reprojection, steadiness
from engines.models.skeleton import PARENTS
from realtime.assets.fetch import fetch
from realtime.commands.models.evaluate import evaluate

Float = NDArray[np.float32]


def person(frames: int = 40) -> tuple[Float, Float]:
    """A stick figure that turns about the vertical: poses (T, 17, 3) about the hip, and its rays from 4 m."""
    rng = np.random.default_rng(1)
    offsets = rng.normal(0, 0.15, (17, 3))
    for right, left in ((1, 4), (2, 5), (3, 6), (14, 11), (15, 12), (16, 13)):
        offsets[left] = offsets[right] * (-1, 1, 1)
    still = np.zeros((17, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            still[joint] = still[parent] + offsets[joint]
    angle = 0.03 * np.arange(frames)
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(angle), -np.sin(angle), 1
    poses = still @ turn.swapaxes(1, 2)
    points = poses + np.array((0.3, -0.2, 4))
    return poses.astype(np.float32), (points[..., :2] / points[..., 2:]).astype(np.float32)


ONES = np.ones((40, 17), np.float32)
STEPS = np.arange(40)


def test_the_true_poses_are_steady_and_cover_the_keypoints() -> None:
    poses, rays = person()
    result = steadiness(poses, rays, ONES, STEPS)
    assert result.frames == 40
    assert result.bone_spread_percent == pytest.approx(0, abs=1e-3)
    assert result.asymmetry_percent == pytest.approx(0, abs=1e-3)
    assert result.reprojection_percent == pytest.approx(0, abs=1e-2)
    assert result.jitter_mm < 1


def test_what_breathes_trembles_or_leans_is_told_apart() -> None:
    poses, rays = person()
    breathing = poses * (1 + 0.1 * (-1.0) ** np.arange(40))[:, None, None].astype(np.float32)
    assert steadiness(breathing, rays, ONES, STEPS).bone_spread_percent == pytest.approx(10, rel=1e-3)
    trembling = poses + np.float32(0.01) * ((-1.0) ** np.arange(40))[:, None, None].astype(np.float32)
    assert steadiness(trembling, rays, ONES, STEPS).jitter_mm > 30
    lopsided = poses.copy()
    lopsided[:, 3] += 0.1 * (poses[:, 3] - poses[:, 2])
    assert steadiness(lopsided, rays, ONES, STEPS).asymmetry_percent == pytest.approx(100 * 0.1 / 1.05 / 6, rel=1e-3)
    assert steadiness(poses[::-1], rays, ONES, STEPS).reprojection_percent > 1


def test_a_gap_in_the_frames_is_no_jitter() -> None:
    poses, rays = person()
    kept = np.r_[0:15, 30:40]
    whole = steadiness(poses, rays, ONES, STEPS).jitter_mm
    gapped = steadiness(poses[kept], rays[kept], ONES[kept], STEPS[kept]).jitter_mm
    assert gapped == pytest.approx(whole, rel=0.05)


def test_unseen_joints_are_not_projected() -> None:
    poses, rays = person()
    score = ONES.copy()
    score[:, 5] = 0
    rays[:, 5] = 7
    rays[3, 8] = np.nan
    off = reprojection(poses.astype(np.float64), rays, score)
    assert np.isnan(off[:, 5]).all()
    assert np.isnan(off[3, 8])
    assert np.nanmax(off) < 1e-4


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 5))
def test_size_is_neither_help_nor_harm(scale: float) -> None:
    poses, rays = person()
    poses = poses + np.random.default_rng(0).normal(0, 0.02, poses.shape).astype(np.float32)
    one, other = steadiness(poses, rays, ONES, STEPS), steadiness(poses * np.float32(scale), rays, ONES, STEPS)
    assert other.jitter_mm == pytest.approx(one.jitter_mm, rel=1e-3)
    assert other.bone_spread_percent == pytest.approx(one.bone_spread_percent, rel=1e-3)
    assert other.reprojection_percent == pytest.approx(one.reprojection_percent, rel=1e-2)


def test_a_clip_is_compared_with_mediapipe(clips: Path, tmp_path: Path) -> None:
    try:
        fetch("pose-full")
    except UserError as error:
        pytest.skip(f"no pose model: {error}")
    evaluate(clip=[clips / "tfjs_pose_squats.mp4"], json=tmp_path / "s.json", markdown=tmp_path / "s.md")
    ours, theirs = json.loads((tmp_path / "s.json").read_text())["real_people"]
    assert theirs["poses"] == "MediaPipe world"
    assert ours["result"]["frames"] == theirs["result"]["frames"] == 65
    assert ours["result"]["reprojection_percent"] < theirs["result"]["reprojection_percent"]
    assert "## Real people" in (tmp_path / "s.md").read_text()
