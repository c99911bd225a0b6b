"""The input contract: no camera left in the features, and the way back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lens.rays import Camera
from engines.models.normalise import FEATURES, to_camera, to_view
from engines.models.view import sequence_features

SEEDS = st.integers(0, 2**32 - 1)


def person(rng: np.random.Generator, frames: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A body of about 1 m in front of the camera: joints (N, 17, 3) about the hip and roots (N, 3)."""
    joints = rng.uniform(-0.5, 0.5, (frames, 17, 3))
    joints[:, 0] = 0
    depth = rng.uniform(2, 12, (frames, 1))
    roots = np.concatenate((rng.uniform(-0.3, 0.3, (frames, 2)) * depth, depth), 1)
    return joints.astype(np.float32), roots.astype(np.float32)


def rays_of(points: np.ndarray) -> np.ndarray:
    return (points[..., :2] / points[..., 2:]).astype(np.float32)


def normalise(rays: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, 17, 2), each the first of its person: features (N, 17, F), rotations (N, 3, 3)."""
    features, rotations = sequence_features(rays[:, None], score[:, None])
    return features[:, 0], rotations[:, 0]


@given(SEEDS)
def test_rotation_is_proper_and_turns_the_hip_to_the_axis(seed: int) -> None:
    joints, roots = person(np.random.default_rng(seed), 5)
    _, rotations = normalise(rays_of(joints + roots[:, None]), np.ones((5, 17), np.float32))
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (5, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-5)
    turned = np.einsum("nij,nj->ni", rotations, roots)
    np.testing.assert_allclose(turned[:, :2] / turned[:, 2:], 0, atol=1e-4)


@given(SEEDS)
def test_poses_return_to_camera_axes(seed: int) -> None:
    joints, roots = person(np.random.default_rng(seed), 4)
    _, rotations = normalise(rays_of(joints + roots[:, None]), np.ones((4, 17), np.float32))
    np.testing.assert_allclose(to_camera(to_view(joints, rotations), rotations), joints, atol=1e-5)


@given(SEEDS)
def test_features_come_back_as_rays(seed: int) -> None:
    """x, y, extent and the hip ray hold everything the keypoints held: the contract is invertible."""
    joints, roots = person(np.random.default_rng(seed), 3)
    rays = rays_of(joints + roots[:, None])
    features, rotations = normalise(rays, np.ones((3, 17), np.float32))
    flat = features[..., :2] * np.exp(features[:, :1, 6:7] - 2.0)
    directions = np.concatenate((flat, np.ones_like(flat[..., :1])), -1) @ rotations
    np.testing.assert_allclose(directions[..., :2] / directions[..., 2:], rays, atol=1e-4)


@settings(max_examples=50)
@given(SEEDS, st.floats(35, 110), st.sampled_from([(640, 480), (1920, 1080), (720, 1280)]), st.floats(-0.2, 0.2))
def test_the_lens_leaves_no_trace(seed: int, hfov_deg: float, image_wh: tuple[int, int], k1: float) -> None:
    """The same body through any known lens and image size gives the same features."""
    rng = np.random.default_rng(seed)
    joints, roots = person(rng, 1)
    roots[:, :2] *= 0.3
    points = joints + roots[:, None]
    assumed = Camera.assumed(image_wh, hfov_deg)
    lens = Camera(image_wh, assumed.camera_matrix, np.array([k1, 0, 0, 0, 0.0]), "pinhole", "test")
    rays = lens.rays(lens.project(points))
    score = np.ones((1, 17), np.float32)
    np.testing.assert_allclose(normalise(rays, score)[0], normalise(rays_of(points), score)[0], atol=2e-3)


@given(SEEDS)
def test_turning_the_camera_changes_only_the_hip_ray(seed: int) -> None:
    """A pan about the hip ray's own plane leaves x, y and extent: the model knows no camera."""
    rng = np.random.default_rng(seed)
    joints, roots = person(rng, 1)
    roots[:, :2] = 0
    angle = rng.uniform(-0.6, 0.6)
    pan = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    score = np.ones((1, 17), np.float32)
    points = joints + roots[:, None]
    straight, _ = normalise(rays_of(points), score)
    turned, _ = normalise(rays_of(points @ pan.T), score)
    np.testing.assert_allclose(turned[..., [0, 1, 2, 3, 6, 7]], straight[..., [0, 1, 2, 3, 6, 7]], atol=1e-3)


@given(SEEDS, st.lists(st.integers(0, 16), unique=True))
def test_missing_joints_are_masked_and_never_numbers(seed: int, missing: list[int]) -> None:
    rng = np.random.default_rng(seed)
    joints, roots = person(rng, 1)
    rays, score = rays_of(joints + roots[:, None]), np.ones((1, 17), np.float32)
    rays[0, missing[::2]] = np.nan
    score[0, missing[1::2]] = 0.05
    features, rotations = normalise(rays, score)
    assert features.shape == (1, 17, FEATURES)
    assert np.isfinite(features).all()
    assert np.isfinite(rotations).all()
    np.testing.assert_array_equal(features[0, missing, :4], 0)
    np.testing.assert_allclose(features[0, 0, 7], 1 - len(missing) / 17, atol=1e-6)
