"""Smoothing of whole recordings: no lag, no loss of what is known, nothing across an absence, and it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keypoint_files import SIZE, person, run

import realtime
from engines.errors import UserError
from engines.models.skeleton import PARENTS
from realtime.files.poses_file import read_poses
from realtime.library import offline
from realtime.library.offline import smoothed
from realtime.library.poses import Poses

FRAMES = 120


def swinging(frames: int = FRAMES, rate_hz: float = 30) -> np.ndarray:
    """Joints (T, 17, 3) of rigid bones that turn evenly and slowly about the view."""
    angle = 0.6 * np.sin(2 * np.pi * 0.3 * np.arange(frames) / rate_hz)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], -2)
    joints = np.zeros((frames, 17, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            bone = turn @ np.array((0.1 + 0.02 * joint, 0.3 - 0.01 * joint))
            joints[:, joint] = joints[:, parent] + np.append(bone, np.full((frames, 1), 0.1), 1)
    return joints


def poses(joints_m: np.ndarray, rate_hz: float = 30, **changes: Any) -> Poses:
    frames = len(joints_m)
    t_s = np.arange(frames) / rate_hz
    root = np.stack((0.5 * t_s, 0 * t_s, 4 + 0 * t_s), -1)
    made = Poses(
        joints_m.astype(np.float32), root.astype(np.float32), np.full((frames, 17), 0.05, np.float32),
        np.full(frames, 0.1, np.float32), np.ones(frames, np.float32), np.zeros(frames, np.bool_),
        np.zeros((frames, 17), np.bool_), np.zeros(1, np.int64), t_s, np.full(frames, "assumed"), "camera", "", 0, "m",
        "e",
    )  # fmt: skip
    return replace(made, **changes)


def noisy(joints_m: np.ndarray, size_m: float = 0.01) -> np.ndarray:
    out = joints_m + np.random.default_rng(1).normal(0, size_m, joints_m.shape)
    out[:, 0] = 0
    return out


@pytest.mark.parametrize("rate_hz", [20, 30, 120])
def test_noise_goes_and_motion_stays_in_its_time(rate_hz: float) -> None:
    true = swinging(4 * round(rate_hz), rate_hz)
    before = poses(noisy(true), rate_hz)
    after = smoothed(before)
    errors = [np.abs(one.joints_m[:, 1:] - true[:, 1:]).mean() for one in (before, after)]
    assert errors[1] < 0.7 * errors[0]
    bends = [np.abs(np.diff(one.joints_m[:, 1:] - true[:, 1:], 2, 0)).mean() for one in (before, after)]
    assert bends[1] < 0.5 * bends[0]
    np.testing.assert_allclose(smoothed(poses(true, rate_hz)).joints_m, true, atol=4e-3)


def test_bones_that_are_rigid_stay_so() -> None:
    true = swinging()
    after = smoothed(poses(true)).joints_m
    for joint, parent in enumerate(PARENTS[1:], 1):
        length = np.linalg.norm(after[:, joint] - after[:, parent], axis=1)
        np.testing.assert_allclose(length, np.linalg.norm(true[0, joint] - true[0, parent]), atol=1e-5)


def test_a_joint_that_is_unsure_yields_to_its_neighbours() -> None:
    true = swinging()
    leap, sigma = true.copy(), np.full((FRAMES, 17), 0.03, np.float32)
    leap[50, 16] += 0.3
    believed = smoothed(poses(leap, sigma_m=sigma)).joints_m[50, 16]
    sigma[50, 16] = 1.0
    doubted = smoothed(poses(leap, sigma_m=sigma)).joints_m[50, 16]
    assert np.linalg.norm(doubted - true[50, 16]) < 0.2 * np.linalg.norm(believed - true[50, 16])


def test_an_absence_and_a_new_beginning_are_not_bridged() -> None:
    """What comes behind is another place: were it smoothed over, rows on either side would move towards it."""
    joints = swinging()
    joints[60:, 1:] += 1.0
    held, root = np.zeros(FRAMES, np.bool_), np.repeat([[0.0, 0, 4]], FRAMES, 0).astype(np.float32)
    root[60:] += 2
    held[40:60] = True
    away = smoothed(poses(joints, held=held, root_m=root))
    np.testing.assert_allclose(away.joints_m[60:], joints[60:], atol=2e-3)
    np.testing.assert_allclose(away.root_m[[0, 39, 60, 119]], root[[0, 39, 60, 119]], atol=1e-5)
    assert (away.joints_m[40:60] == away.joints_m[39]).all()
    assert np.array_equal(away.held, held)
    fill = np.concatenate((np.linspace(0, 1, 60), np.linspace(0, 1, 60))).astype(np.float32)
    anew = smoothed(poses(joints, window_fill=fill, root_m=root))
    np.testing.assert_allclose(anew.joints_m[[59, 60]], joints[[59, 60]], atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 30), gone=st.sets(st.integers(0, 29)), unknown=st.sets(st.integers(0, 29)),
    steps_ms=st.lists(st.integers(0, 700), min_size=30, max_size=30),
)  # fmt: skip
def test_any_gaps_and_times_give_the_same_rows(
    frames: int, gone: set[int], unknown: set[int], steps_ms: list[int]
) -> None:
    first = min(set(range(frames)) - gone, default=frames)
    joints, held = swinging(frames), np.isin(np.arange(frames), list(gone))
    joints[:first] = np.nan
    before = poses(joints, held=held, t_s=np.cumsum(steps_ms)[:frames] / 1000)
    before.root_m[np.isin(np.arange(frames), list(unknown))] = np.nan
    after = smoothed(before)
    assert after.offline
    seen = ~held
    assert np.array_equal(np.isfinite(after.joints_m[seen]), np.isfinite(joints[seen]))
    assert np.array_equal(np.isfinite(after.root_m[seen]), np.isfinite(before.root_m[seen]))
    for name in ("sigma_m", "held", "t_s", "unseen"):
        assert np.array_equal(getattr(after, name), getattr(before, name))


def test_each_of_several_people_is_smoothed_alone() -> None:
    two = np.stack([person(60, seed=seed)["keypoints_px"] + (shift, 0) for seed, shift in ((0, -150), (1, 150))], 1)
    both = realtime.lift(two, fps=30, image_wh=SIZE, offline=True)
    plain = realtime.lift(two, fps=30, image_wh=SIZE)
    for column, own in enumerate(plain.each()):
        np.testing.assert_allclose(both.joints_m[:, column], smoothed(own).joints_m, atol=1e-6)
    assert both.offline
    assert not plain.offline


def test_the_file_says_that_it_is_smoothed(tmp_path: Path) -> None:
    fields = person(60)
    live = run(fields, tmp_path)
    assert not read_poses(tmp_path / "out.npz").offline
    run(fields, tmp_path, offline=True)
    read = read_poses(tmp_path / "out.npz")
    assert read.offline
    np.testing.assert_array_equal(read.joints_m, smoothed(live).joints_m)


def test_without_scipy_it_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install"):
        run(person(5), tmp_path, offline=True)
    assert not (tmp_path / "out.npz").exists()


def test_feet_go_with_their_ankles() -> None:
    true, ankles = swinging(), [3, 3, 6, 6]
    sole = np.array([(0, 0.07, 0.05), (0, 0.07, -0.15)] * 2)
    noise = np.random.default_rng(2).normal(0, 0.02, (FRAMES, 4, 3))
    before = poses(
        noisy(true), feet_m=(noisy(true)[:, ankles] + sole + noise).astype(np.float32),
        feet_sigma_m=np.full((FRAMES, 4), 0.05, np.float32),
    )  # fmt: skip
    after = smoothed(before)
    assert before.feet_m is not None
    assert after.feet_m is not None
    soles = [one.feet_m - one.joints_m[:, ankles] - sole for one in (before, after)]
    assert np.abs(soles[1]).mean() < 0.7 * np.abs(soles[0]).mean()
    with pytest.raises(UserError, match="no heels and toes"):
        realtime.lift(person(5)["keypoints_px"], fps=30, image_wh=SIZE, feet=True)


def test_hands_go_with_their_wrists_where_they_are_seen() -> None:
    true, wrists = swinging(), [16, 16, 16, 13, 13, 13]
    palm = np.array([(0.02, 0.07, 0.0), (-0.02, 0.08, 0.0), (-0.05, 0.05, 0.0)] * 2)
    hands = noisy(true)[:, wrists] + palm + np.random.default_rng(3).normal(0, 0.02, (FRAMES, 6, 3))
    hands[10:20, 2] = np.nan  # a thumb that was not seen
    sigma = np.where(np.isnan(hands[..., 0]), np.nan, 0.05)
    before = poses(noisy(true), hands_m=hands.astype(np.float32), hands_sigma_m=sigma.astype(np.float32))
    after = smoothed(before)
    assert before.hands_m is not None
    assert after.hands_m is not None
    np.testing.assert_array_equal(np.isnan(after.hands_m), np.isnan(before.hands_m))
    palms = [one.hands_m - one.joints_m[:, wrists] - palm for one in (before, after)]
    assert np.nanmean(np.abs(palms[1])) < 0.7 * np.nanmean(np.abs(palms[0]))
    with pytest.raises(UserError, match="no knuckles: leave out hands"):
        realtime.lift(person(5)["keypoints_px"], fps=30, image_wh=SIZE, hands=True)
