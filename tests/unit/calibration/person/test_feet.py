"""Heels and toes on a leg that is known: found from their rays, guessed without, and honest about the difference."""

from __future__ import annotations

import numpy as np
import pytest
from figures import figure, in_camera, turn
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.person.feet import Feet
from engines.models.skeleton import FEET

SIGMA = np.full(17, 0.02, np.float32)
ANKLES = [3, 3, 6, 6]
SHIN_M = 0.40  # of the figure
TOE, HEEL = np.array((0.0, -0.37, 0.93)) * 0.43 * SHIN_M, np.array((0.0, -0.85, -0.5)) * 0.21 * SHIN_M


def standing(heading_deg: float, pitch_deg: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Joints (17, 3) and FEET (4, 3) in camera axes: turned about the upright, feet lifted by the toes."""
    pelvis = turn("y", heading_deg)
    joints = figure(pelvis, knees_deg={"r": 15, "l": 15}, root_m=(0, 0.95, 0))
    shins = [pelvis @ turn("x", 15 - pitch_deg) for _ in range(2)]
    feet = np.stack([joints[ankle] + shin @ part for shin, ankle in zip(shins, (3, 6), strict=True)
                     for part in (HEEL, TOE)])  # fmt: skip
    return in_camera(joints), in_camera(feet)


def seen(feet_m: np.ndarray, score: float = 0.9) -> np.ndarray:
    rays = feet_m[:, :2] / feet_m[:, 2:]
    return np.concatenate((rays, np.full((4, 1), score)), 1).astype(np.float32)


def rays_of(joints_m: np.ndarray) -> np.ndarray:
    return (joints_m[:, :2] / joints_m[:, 2:]).astype(np.float32)


def placed(joints_m: np.ndarray, rays: np.ndarray, frames: int = 15) -> tuple[np.ndarray, np.ndarray]:
    feet = Feet()
    for frame in range(frames):
        out = feet.place(frame / 30, joints_m, SIGMA, rays_of(joints_m), rays)
    return out


@given(st.floats(-180, 180), st.floats(-20, 20))
@settings(max_examples=60, deadline=None)
def test_feet_are_found_whichever_way_somebody_faces(heading_deg: float, pitch_deg: float) -> None:
    joints_m, feet_m = standing(heading_deg, pitch_deg)
    found, sigma_m = placed(joints_m, seen(feet_m))
    off_m = np.linalg.norm(found - feet_m, axis=1)
    assert off_m.max() < 0.06
    assert (off_m < 3 * sigma_m).all()


def test_feet_keep_their_shape_about_ankles_that_were_lifted_off_their_rays() -> None:
    joints_m, feet_m = standing(40, 10)
    off_m = np.array((0.1, -0.05, 0))
    feet = Feet()
    for frame in range(15):
        found, _ = feet.place(frame / 30, joints_m + off_m, SIGMA, rays_of(joints_m), seen(feet_m))
    np.testing.assert_allclose(found - off_m, placed(joints_m, seen(feet_m))[0], atol=0.005)


def test_what_is_seen_of_a_foot_is_worth_having() -> None:
    """A foot turned aside by 40 degrees, which anatomy alone has wrong."""
    joints_m, _ = standing(30)
    _, feet_m = standing(70)
    _, same = standing(30)
    feet_m = feet_m - same + same + 0 * feet_m  # the other heading's feet ...
    joints_other, _ = standing(70)
    feet_m += joints_m[ANKLES] - joints_other[ANKLES]  # ... on these ankles
    found, sigma_m = placed(joints_m, seen(feet_m))
    guessed, unsure_m = placed(joints_m, seen(feet_m, score=0.0))
    toes = [FEET.index("right_toe"), FEET.index("left_toe")]
    errors = [np.linalg.norm(one[toes] - feet_m[toes], axis=1).max() for one in (found, guessed)]
    assert errors[0] < 0.5 * errors[1]
    assert (sigma_m < unsure_m).all()


@pytest.mark.parametrize("score", [0.0, np.nan])
def test_a_foot_that_is_not_seen_points_forward_of_its_shin(score: float) -> None:
    joints_m, feet_m = standing(0)
    rays = np.full((4, 3), np.nan, np.float32)
    rays[:, 2] = score
    found, sigma_m = placed(joints_m, rays)
    assert np.linalg.norm(found - feet_m, axis=1).max() < 0.08
    assert np.isfinite(sigma_m).all()
    assert (found[[1, 3], 2] < joints_m[[3, 6], 2]).all(), "who faces the camera has the toes nearer to it"


def test_a_mirrored_person_has_mirrored_feet() -> None:
    joints_m, feet_m = standing(50)
    flip = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    mirrored, _ = placed((joints_m * (-1, 1, 1))[flip], seen((feet_m * (-1, 1, 1))[[2, 3, 0, 1]]))
    np.testing.assert_allclose(mirrored, (placed(joints_m, seen(feet_m))[0] * (-1, 1, 1))[[2, 3, 0, 1]], atol=1e-6)


def test_a_foot_is_as_long_as_it_is_seen_to_be() -> None:
    joints_m, feet_m = standing(90)  # from the side: the ray tells the length
    long_m = joints_m[ANKLES] + 1.2 * (feet_m - joints_m[ANKLES])
    before, after = (np.linalg.norm(placed(joints_m, seen(long_m), frames)[0][1] - joints_m[3]) for frames in (1, 90))
    assert before < after < 1.01 * np.linalg.norm(long_m[1] - joints_m[3])


def test_an_absence_forgets_where_feet_pointed() -> None:
    joints_m, feet_m = standing(0)
    back, _ = standing(180)
    feet = Feet()
    for frame in range(30):
        feet.place(frame / 30, joints_m, SIGMA, rays_of(joints_m), seen(feet_m))
    unseen = np.zeros((4, 3), np.float32)
    fresh, _ = Feet().place(0, back, SIGMA, rays_of(back), unseen)
    np.testing.assert_array_equal(feet.place(5, back, SIGMA, rays_of(back), unseen)[0], fresh)
