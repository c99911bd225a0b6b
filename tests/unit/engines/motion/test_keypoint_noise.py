"""Training's keypoint noise: what a detector, and a slow camera, make of true keypoints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.motion.noise import KeypointNoise, _interpolate, detect

CLEAN = KeypointNoise(clean=1.0, wrong_lens=0, slow=0)


def test_a_clean_detector_says_the_truth() -> None:
    rays = np.random.default_rng(0).normal(size=(3, 4, 17, 2)).astype(np.float32)
    seen, score = detect(np.random.default_rng(1), rays, CLEAN)
    np.testing.assert_allclose(seen, rays)
    assert (score > 0.9).all()


def test_noise_is_correlated_and_hides_joints() -> None:
    rays = np.tile(np.random.default_rng(0).normal(0, 0.1, (1, 1, 17, 2)), (400, 30, 1, 1)).astype(np.float32)
    seen, _ = detect(np.random.default_rng(1), rays, KeypointNoise(clean=0, wrong_lens=0, swap=0, offset=0, slow=0))
    error = seen - rays
    assert 0.01 < np.isnan(error).mean() < 0.2
    flat = np.nan_to_num(error)
    assert (flat[:, 1:] * flat[:, :-1]).mean() / (flat**2).mean() > 0.7


def test_a_slow_cameras_frames_lie_between_its_own() -> None:
    rays = np.random.default_rng(0).normal(size=(200, 13, 17, 2)).astype(np.float32)
    seen, score = detect(np.random.default_rng(1), rays.copy(), replace(CLEAN, slow=1))
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
    _interpolate(np.random.default_rng(1), rays, score, np.ones(200, bool))
    gone = np.isnan(rays[:, :, 3, 0])
    assert {tuple(np.flatnonzero(row)) for row in gone} == {(5, 6, 7), (4, 5, 6, 7, 8), tuple(range(1, 11))}
    assert np.isfinite(np.delete(rays, 3, 2)).all()
