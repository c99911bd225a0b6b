"""Training's keypoint noise: what a detector, and a slow camera, make of true keypoints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.motion.noise import KeypointNoise, camera_frames, detect, interpolate

CLEAN = KeypointNoise(clean=1.0, cut=0, wrong_lens=0, slow=0)


def test_a_clean_detector_says_the_truth() -> None:
    rays = np.random.default_rng(0).normal(size=(3, 4, 17, 2)).astype(np.float32)
    seen, score = detect(np.random.default_rng(1), rays, CLEAN)
    np.testing.assert_allclose(seen, rays)
    assert (score > 0.9).all()


def test_noise_is_correlated_and_hides_joints() -> None:
    rays = np.tile(np.random.default_rng(0).normal(0, 0.1, (1, 1, 17, 2)), (400, 30, 1, 1)).astype(np.float32)
    noise = KeypointNoise(clean=0, cut=0, thrown=0, wrong_lens=0, swap=0, offset=0, slow=0)
    seen, _ = detect(np.random.default_rng(1), rays, noise)
    error = seen - rays
    assert 0.01 < np.isnan(error).mean() < 0.2
    flat = np.nan_to_num(error)
    assert (flat[:, 1:] * flat[:, :-1]).mean() / (flat**2).mean() > 0.7


def test_a_slow_cameras_frames_lie_between_its_own() -> None:
    rays = np.random.default_rng(0).normal(size=(200, 13, 17, 2)).astype(np.float32)
    rng, slow = np.random.default_rng(1), replace(CLEAN, slow=1)
    seen, score = detect(rng, rays.copy(), slow)
    interpolate(seen, score, camera_frames(rng, 200, 13, slow))
    own = (seen == rays).all((-1, -2))  # frames that the camera took
    spacing = own.sum(1)
    assert set(spacing) == {7, 5, 3}  # of 13: every second, third and sixth
    for every, count in ((2, 7), (3, 5), (6, 3)):
        some = seen[spacing == count]
        straight = np.linspace(some[:, 0], some[:, every], every + 1, axis=1)
        np.testing.assert_allclose(some[:, : every + 1], straight, atol=1e-5)
    assert ((score > 0.9) & (score <= 1)).all()


def test_a_joint_missing_in_a_slow_cameras_frame_is_missing_around_it() -> None:
    rays, score = np.zeros((200, 12, 17, 2), np.float32), np.ones((200, 12, 17), np.float32)
    rays[:, 6, 3] = np.nan  # a frame of every slow camera
    interpolate(rays, score, np.random.default_rng(1).choice((2, 3, 6), 200))
    gone = np.isnan(rays[:, :, 3, 0])
    assert {tuple(np.flatnonzero(row)) for row in gone} == {(5, 6, 7), (4, 5, 6, 7, 8), tuple(range(1, 11))}
    assert np.isfinite(np.delete(rays, 3, 2)).all()


def test_a_stray_joint_is_elsewhere_for_one_run_of_frames() -> None:
    rays = np.tile(np.random.default_rng(0).normal(0, 0.1, (1, 1, 17, 2)), (60, 20, 1, 1)).astype(np.float32)
    only = KeypointNoise(clean=0, jitter=0, offset=0, swap=0, dropout=0, cut=0, wrong_lens=0, slow=0, thrown=1)
    seen, _ = detect(np.random.default_rng(1), rays, only)
    stray = (np.abs(seen - rays) > 1e-6).any(-1)
    assert (stray.any(1).sum(-1) == 1).all()
    runs = np.abs(np.diff(stray.any(-1).astype(int), axis=1)).sum(1)
    assert (runs <= 2).all()


def test_cut_off_people_keep_four_joints_and_most_lose_the_lower_ones() -> None:
    rays = np.random.default_rng(0).normal(0, 0.1, (400, 6, 17, 2)).astype(np.float32)
    seen, score = detect(np.random.default_rng(1), rays, replace(CLEAN, cut=1))
    gone = np.isnan(seen).any(-1)
    assert gone.sum(-1).max() <= 13
    lowest = np.take_along_axis(gone, rays[..., 1].argmax(-1)[..., None], -1).any((1, 2))
    highest = np.take_along_axis(gone, rays[..., 1].argmin(-1)[..., None], -1).any((1, 2))
    assert lowest.mean() > 2 * highest.mean()
    assert (score[gone] < 0.5).all()
