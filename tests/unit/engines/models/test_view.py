"""The view does not jump: whatever joint is wrong, comes or goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.models.normalise import LOG_EXTENT_SHIFT
from engines.models.view import View, sequence_features
from tests.support.people_in_view import rays_of, stepping

FRAMES = 90
DESK, LEGS, HEAD, SIDE = [0, 1, 2, 3, 4, 5, 6, 7], [2, 3, 5, 6], [9, 10], [4, 5, 6, 11, 12, 13]


def seen(rays: np.ndarray, score: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Extents (T,) and hip rays (T, 3) of the views."""
    scores = np.ones(rays.shape[:2], np.float32) if score is None else score
    features, rotations = sequence_features(rays[None], scores[None])
    return np.exp(features[0, :, 0, 6] - LOG_EXTENT_SHIFT), rotations[0, :, 2]


WHOLE = rays_of(stepping(FRAMES))
EXTENT, HIP = seen(WHOLE)


def test_with_all_joints_seen_the_view_is_that_of_the_frame_alone() -> None:
    alone = [seen(WHOLE[frame, None]) for frame in range(FRAMES)]
    np.testing.assert_allclose(EXTENT, [extent[0] for extent, _ in alone], rtol=1e-5)
    np.testing.assert_allclose(HIP, [hip[0] for _, hip in alone], atol=1e-6)


@pytest.mark.parametrize("joints", [DESK, LEGS, HEAD, SIDE, [3], [0]])
def test_joints_that_go_and_come_back_leave_the_view_where_it_is(joints: list[int]) -> None:
    rays = WHOLE.copy()
    rays[30:60, joints] = np.nan
    extent, hip = seen(rays)
    assert np.abs(np.diff(np.log(extent))).max() < 0.08
    assert np.abs(np.log(extent / EXTENT)).max() < 0.25
    assert np.linalg.norm(hip - HIP, axis=-1).max() < 0.25 * EXTENT.max()


@pytest.mark.parametrize("joints", [DESK, LEGS, HEAD, SIDE])
def test_a_body_never_seen_whole_is_about_as_large(joints: list[int]) -> None:
    rays = WHOLE.copy()
    rays[:, joints] = np.nan
    extent, hip = seen(rays)
    assert np.abs(np.log(extent / EXTENT)).max() < 0.5
    assert np.linalg.norm(hip - HIP, axis=-1).max() < 0.6 * EXTENT.max()


@pytest.mark.parametrize("score", [0.3, 0.9])
@pytest.mark.parametrize("joint", [0, 1, 3, 10, 16])
def test_one_wrong_joint_hardly_moves_it(joint: int, score: float) -> None:
    rays, scores = WHOLE.copy(), np.ones((FRAMES, 17), np.float32)
    rays[40, joint], scores[40, joint] = (0.9, -0.5), score
    extent, hip = seen(rays, scores)
    assert np.abs(np.log(extent / EXTENT)).max() < 0.1
    assert np.linalg.norm(hip - HIP, axis=-1).max() < 0.55 * EXTENT.max()


def test_a_frame_looked_at_leaves_no_trace() -> None:
    one, other = View(), View()
    for frame in range(20):
        rays, score = WHOLE[frame].tolist(), [1.0] * 17
        other.push((WHOLE[frame] * 1.5).tolist(), [0.4] * 17, keep=False)
        assert one.push(rays, score) == other.push(rays, score)


def test_with_nothing_ever_seen_the_view_is_the_cameras_own() -> None:
    features, rotation = View().push([[np.nan, np.nan]] * 17, [0.0] * 17)
    np.testing.assert_array_equal(rotation, np.eye(3))
    assert np.isfinite(features).all()


def test_what_is_not_seen_for_long_does_not_run_away() -> None:
    """Head and shoulders at the border of a wide picture, swaying, coming and going, for half a minute."""
    rays = np.tile(rays_of(stepping(90), (0.9, -0.2, 1.6)), (10, 1, 1))
    extent, _ = seen(rays)
    rays[:, DESK] = np.nan
    rays[::7, [9, 12, 15]] = np.nan
    rays[300:330, 8:11] = np.nan
    unseen, hip = seen(rays)
    assert np.abs(np.log(unseen / extent)).max() < 0.8
    assert np.isfinite(hip).all()
    fresh, _ = seen(rays[-1:])
    assert abs(np.log(unseen[-1] / fresh[0])) < 0.4


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1e-6, 0.1, 10.0]), missing=st.floats(0, 1))
def test_whatever_is_seen_features_are_finite_and_rotations_proper(seed: int, size: float, missing: float) -> None:
    rng = np.random.default_rng(seed)
    rays = rng.normal(0, size, (1, 20, 17, 2)).astype(np.float32)
    rays[rng.random((1, 20, 17)) < missing] = np.nan
    score = rng.choice([0.0, 0.05, 0.3, 1.0, np.nan], (1, 20, 17)).astype(np.float32)
    features, rotations = sequence_features(rays, score)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(rotations @ rotations.swapaxes(-1, -2), np.tile(np.eye(3), (1, 20, 1, 1)), atol=1e-5)
