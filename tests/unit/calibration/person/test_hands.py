"""Knuckles on an arm that is known, of made-up hands: there is no captured motion of hands to hold them against.

The hands are as long as they are taken to be; a camera that is known sees them, exactly or with noise.
"""

from __future__ import annotations

import numpy as np
import pytest
from figures import figure, in_camera, turn
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.person.hands import place_hands
from engines.models.skeleton import FLIP, HANDS, HANDS_FLIP

SIGMA = np.full(17, 0.02, np.float32)
FOREARM_M = 0.26
ELBOWS, WRISTS = [15, 12], [16, 13]
# A hand for such a forearm, along x, the index finger's side at y.
SPLAY_DEG = (-18, 10, 42)
HAND = np.stack([(np.cos(np.radians(deg)), np.sin(np.radians(deg)), 0) for deg in SPLAY_DEG])
HAND *= FOREARM_M * np.array((0.30, 0.34, 0.27))[:, None]
angles = st.floats(-180, 180)
bends = st.floats(-60, 60)  # of wrists


def arms(heading_deg: float, pitch_deg: float, roll_deg: float, bend_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Joints (17, 3) and HANDS (6, 3) in camera axes: both arms point one way, the wrists are bent."""
    joints = in_camera(figure(root_m=(0, 0.95, 0)))
    arm = turn("y", heading_deg) @ turn("z", pitch_deg) @ turn("x", roll_deg)
    joints[WRISTS] = joints[ELBOWS] + FOREARM_M * arm[:, 0]
    knuckles = HAND @ (arm @ turn("y", bend_deg)).T
    return joints, np.concatenate([joints[wrist] + knuckles for wrist in WRISTS])


def rays_of(joints_m: np.ndarray) -> np.ndarray:
    return (joints_m[:, :2] / joints_m[:, 2:]).astype(np.float32)


def place(joints_m: np.ndarray, seen_rays: np.ndarray, sigma_m: np.ndarray = SIGMA) -> tuple[np.ndarray, np.ndarray]:
    """With joints that lie on their rays."""
    return place_hands(joints_m, sigma_m, rays_of(joints_m), seen_rays)


def seen(hands_m: np.ndarray, noise: np.ndarray | float = 0.0, score: float = 0.9) -> np.ndarray:
    rays = hands_m[:, :2] / hands_m[:, 2:] + noise
    return np.concatenate((rays, np.full((6, 1), score)), 1).astype(np.float32)


@given(angles, st.floats(-80, 80), angles, bends)
@settings(max_examples=200, deadline=None)
def test_exact_keypoints_are_kept_and_errors_are_within_sigma(
    heading_deg: float, pitch_deg: float, roll_deg: float, bend_deg: float
) -> None:
    joints_m, hands_m = arms(heading_deg, pitch_deg, roll_deg, bend_deg)
    found, sigma_m = place(joints_m, seen(hands_m))
    np.testing.assert_allclose(found[:, :2] / found[:, 2:], hands_m[:, :2] / hands_m[:, 2:], atol=1e-5)
    assert (np.linalg.norm(found - hands_m, axis=1) < 3 * sigma_m).all()


@given(angles, st.floats(-80, 80), angles)
@settings(max_examples=200, deadline=None)
def test_a_straight_hand_that_points_to_or_from_the_camera_comes_back_within_millimetres(
    heading_deg: float, pitch_deg: float, roll_deg: float
) -> None:
    joints_m, hands_m = arms(heading_deg, pitch_deg, roll_deg, 0.0)
    found, _ = place(joints_m, seen(hands_m))
    wrists = np.repeat(joints_m[WRISTS], 3, 0)
    view = hands_m / np.linalg.norm(hands_m, axis=1, keepdims=True)
    length = np.linalg.norm(hands_m - wrists, axis=1)
    depth = ((hands_m - wrists) * view).sum(1) / length
    told = np.repeat((joints_m[WRISTS] - joints_m[ELBOWS]) / FOREARM_M, 3, 0)
    plain = (np.abs(depth) > 0.7) & (np.abs((told * view).sum(1)) > 0.7)
    assert (np.linalg.norm(found - hands_m, axis=1)[plain] < 0.01).all()


def many(noise: float, frames: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors, sigmas and the errors of hands in line with their forearms: (frames, 6) each."""
    rng = np.random.default_rng(4)
    errors, sigmas, straight = [], [], []
    for _ in range(frames):
        joints_m, hands_m = arms(*rng.uniform(-180, 180, 1), *rng.uniform(-80, 80, 1), *rng.uniform(-180, 180, 1),
                                 25 * rng.normal())  # fmt: skip
        found, sigma_m = place(joints_m, seen(hands_m, rng.normal(0, noise, (6, 2))), np.zeros(17, np.float32))
        along = np.repeat(joints_m[WRISTS] - joints_m[ELBOWS], 3, 0) / FOREARM_M
        lengths = np.tile(np.linalg.norm(HAND, axis=1), 2)[:, None]
        errors.append(np.linalg.norm(found - hands_m, axis=1))
        straight.append(np.linalg.norm(np.repeat(joints_m[WRISTS], 3, 0) + lengths * along - hands_m, axis=1))
        sigmas.append(sigma_m)
    return np.array(errors), np.array(sigmas), np.array(straight)


def test_of_exact_keypoints_rays_are_worth_more_than_the_forearm_alone() -> None:
    errors, _, straight = many(0.0)
    assert np.median(errors) < 0.012
    assert errors.mean() < 0.4 * straight.mean()


def test_sigma_covers_the_errors_of_noisy_keypoints() -> None:
    """A centimetre of noise at five metres, in either direction."""
    errors, sigmas, straight = many(0.002)
    assert errors.mean() < 0.6 * straight.mean()
    assert 0.6 < (errors < sigmas).mean() < 0.9
    assert (errors < 3 * sigmas).mean() > 0.98


@pytest.mark.parametrize("score", [0.0, np.nan])
def test_a_knuckle_that_is_not_seen_is_nowhere(score: float) -> None:
    joints_m, hands_m = arms(20, 10, 0, 10)
    rays = seen(hands_m)
    rays[4, 2] = score
    found, sigma_m = place(joints_m, rays)
    assert np.isnan(found).all(1).tolist() == [row == HANDS.index("left_index") for row in range(6)]
    assert (np.isnan(sigma_m) == np.isnan(found[:, 0])).all()


def test_a_knuckle_seen_far_from_its_wrist_is_not_believed() -> None:
    joints_m, hands_m = arms(20, 10, 0, 10)
    hands_m[2] += (0.3, 0, 0)
    assert np.isnan(place(joints_m, seen(hands_m))[0]).all(1).tolist() == [row == 2 for row in range(6)]


def test_hands_keep_their_shape_about_wrists_that_were_lifted_off_their_rays() -> None:
    joints_m, hands_m = arms(20, 10, 0, 10)
    off_m = np.array((0.1, -0.05, 0))
    found, _ = place_hands(joints_m + off_m, SIGMA, rays_of(joints_m), seen(hands_m))
    np.testing.assert_allclose(found - off_m, place(joints_m, seen(hands_m))[0], atol=0.005)
    unknown = np.full((17, 2), np.nan, np.float32)
    found, _ = place_hands(joints_m, SIGMA, unknown, seen(hands_m))
    np.testing.assert_allclose(found, place(joints_m, seen(hands_m))[0], atol=1e-5)


def test_hands_grow_with_their_forearms() -> None:
    joints_m, hands_m = arms(20, 40, 0, 0)
    for scale in (0.7, 1.3):  # seen alike by a camera that is as much nearer or further away
        found, _ = place(scale * joints_m, seen(hands_m))
        np.testing.assert_allclose(found, scale * hands_m, atol=0.03)


def test_a_mirrored_person_has_mirrored_hands() -> None:
    joints_m, hands_m = arms(50, 20, 30, 20)
    found, _ = place((joints_m * (-1, 1, 1))[list(FLIP)], seen((hands_m * (-1, 1, 1))[list(HANDS_FLIP)]))
    plain, _ = place(joints_m, seen(hands_m))
    np.testing.assert_allclose(found, (plain * (-1, 1, 1))[list(HANDS_FLIP)], atol=1e-6)
