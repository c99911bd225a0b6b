"""Joints from several cameras, and the angles at them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.evaluation.joint_angles import corner_angles, trunk_error_deg
from engines.evaluation.triangulate import triangulate
from tests.support.people_in_view import BODY_M, stepping


def looked_at(points: np.ndarray, cameras: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays (C, T, J, 2) of cameras in a circle of 4 m, their rotations and shifts."""
    rotations, shifts, rays = [], [], []
    for angle in 2 * np.pi * np.arange(cameras) / cameras:
        forward = np.array((np.sin(angle), 0, np.cos(angle)))
        right = np.array((np.cos(angle), 0, -np.sin(angle)))
        rotation = np.stack((right, np.array((0, 1, 0)), forward))
        shift = np.array((0, 0, 4.0))
        inside = points @ rotation.T + shift
        rotations.append(rotation)
        shifts.append(shift)
        rays.append(inside[..., :2] / inside[..., 2:])
    return np.stack(rays), np.stack(rotations), np.stack(shifts)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_perfect_rays_meet_in_the_joint_and_one_wrong_camera_is_left_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = stepping(5)
    rays, rotations, shifts = looked_at(points)
    score = rng.uniform(0.5, 1, rays.shape[:3])
    np.testing.assert_allclose(triangulate(rays, score, rotations, shifts), points, atol=1e-5)
    rays[rng.integers(4), 2, rng.integers(17)] += 0.3
    np.testing.assert_allclose(triangulate(rays, score, rotations, shifts), points, atol=1e-4)


def test_one_camera_alone_tells_nothing() -> None:
    rays, rotations, shifts = looked_at(stepping(3))
    score = np.ones(rays.shape[:3])
    score[1:, :, 5] = 0.2
    rays[2, :, 6] = np.nan
    found = triangulate(rays, score, rotations, shifts)
    assert np.isnan(found[:, 5]).all()
    assert np.isfinite(np.delete(found, 5, 1)).all()


def test_angles_are_those_of_the_body() -> None:
    body = BODY_M.copy()
    body[3] = body[2] + (0, 0, 0.4)  # a shin straight back from a thigh straight down
    body[2] = (-0.11, 0.4, 0)
    body[3] = (-0.11, 0.4, 0.4)
    angles = corner_angles(body[None])
    assert angles["knee"][0, 0] == pytest.approx(90, abs=0.5)
    assert angles["knee"][0, 1] > 170
    leaning = BODY_M @ np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]]).T
    assert trunk_error_deg(leaning, BODY_M) == pytest.approx(np.degrees(0.2), abs=1e-6)
    turned = corner_angles(leaning[None])
    for name, both in corner_angles(BODY_M[None]).items():
        np.testing.assert_allclose(turned[name], both, atol=1e-5)
