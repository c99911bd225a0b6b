"""One person from several cameras, against constructed truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.cameras.fuse import Fused, Seen, fuse
from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera
from engines.evaluation.detector_noise import detect

LENS = Camera.assumed((1280, 720))
DEPTH_M, SIZE = 0.05, 0.08  # of a lifter: a joint against another, and of the whole person
FRAMES = 40
UP_RIGHT = np.array([  # somebody who stands with an arm raised, metres about the hip, y up
    (0, 0, 0), (-0.12, -0.02, 0), (-0.13, -0.45, 0.03), (-0.13, -0.87, 0), (0.12, -0.02, 0), (0.13, -0.45, 0.05),
    (0.13, -0.87, 0.02), (0, 0.23, 0), (0, 0.48, 0.02), (0, 0.6, 0.05), (0, 0.72, 0.06), (0.17, 0.45, 0),
    (0.38, 0.55, 0.1), (0.5, 0.75, 0.2), (-0.17, 0.45, 0), (-0.22, 0.18, -0.03), (-0.2, -0.05, 0.1),
])  # fmt: skip


def ring(count: int, radius_m: float = 4.0) -> list[PlacedCamera]:
    """Cameras round the origin, 1.5 m up, that look at 1 m above it; the world's y is up."""
    placed = []
    for number in range(count):
        turn = 2 * np.pi * number / count
        stands = np.array([radius_m * np.sin(turn), 1.5, radius_m * np.cos(turn)])
        ahead = np.array([0, 1.0, 0]) - stands
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, (0, 1.0, 0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        placed.append(PlacedCamera(str(number), LENS, rotation, -rotation @ stands))
    return placed


def true_poses(seed: int) -> np.ndarray:
    """(T, 17, 3) of somebody who turns and walks a little, in the world."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, 1.5, FRAMES)
    cos, sin = np.cos(turn), np.sin(turn)
    spin = np.stack([np.stack([cos, 0 * cos, sin], -1), np.tile((0.0, 1, 0), (FRAMES, 1)),
                     np.stack([-sin, 0 * cos, cos], -1)], 1)  # fmt: skip
    walk = np.linspace((-0.3, 0.9, 0.2), (0.4, 0.9, -0.2), FRAMES)
    return np.einsum("tik,jk->tji", spin, UP_RIGHT) + walk[:, None]


def as_seen(camera: PlacedCamera, poses_m: np.ndarray, seed: int, noise: bool = True) -> list[Seen]:
    """By a detector as the evaluation's, and a lifter that knows depths badly."""
    rng = np.random.default_rng(seed)
    inside = camera.to_camera(poses_m)
    true_px = camera.camera.project(inside).astype(np.float32)
    xy_px, score = detect(rng, true_px, LENS.image_wh) if noise else (true_px, np.ones(true_px.shape[:2]))
    rays = camera.camera.rays(xy_px).astype(np.float64)
    ratio = 1 + rng.normal(0, SIZE) if noise else 1.0
    depth = inside[..., 2] + (rng.normal(0, DEPTH_M, (1, 17)) + rng.normal(0, 0.02, inside.shape[:2])) * noise
    on_rays = np.where(np.isfinite(rays), rays, inside[..., :2] / inside[..., 2:])
    lifted = np.concatenate([on_rays * depth[..., None], depth[..., None]], -1) * ratio
    sigma = np.full(17, DEPTH_M)
    return [Seen(*parts, sigma, SIZE) for parts in zip(rays, score.astype(np.float64), lifted, strict=True)]


def fused(cameras: list[PlacedCamera], views: list[list[Seen]]) -> list[Fused]:
    return [fuse(cameras, list(at_once)) for at_once in zip(*views, strict=True)]


def error_mm(results: list[Fused], poses_m: np.ndarray) -> np.ndarray:
    return 1000 * np.linalg.norm(np.stack([one.joints_m for one in results]) - poses_m, axis=-1)


def alone_mm(camera: PlacedCamera, view: list[Seen], poses_m: np.ndarray) -> float:
    return float(error_mm(fused([camera], [view]), poses_m).mean())


@pytest.mark.parametrize("count", [2, 3, 4])
def test_perfect_views_give_the_truth(count: int) -> None:
    cameras, poses_m = ring(count), true_poses(0)
    results = fused(cameras, [as_seen(camera, poses_m, 1, noise=False) for camera in cameras])
    assert error_mm(results, poses_m).max() < 0.5
    np.testing.assert_allclose([one.ratio for one in results], 1, atol=1e-3)


def test_four_cameras_in_a_detectors_noise_are_within_25_mm_and_say_so() -> None:
    errors, within = [], []
    for seed in range(6):
        cameras, poses_m = ring(4), true_poses(seed)
        views = [as_seen(camera, poses_m, 10 * seed + place) for place, camera in enumerate(cameras)]
        results = fused(cameras, views)
        off = error_mm(results, poses_m)
        errors.append(off.mean())
        within.append((off < 1000 * np.stack([one.sigma_m for one in results])).mean())
        assert off.mean() < 0.5 * min(alone_mm(*pair, poses_m) for pair in zip(cameras, views, strict=True))
    assert np.mean(errors) < 25
    assert 0.6 < np.mean(within) < 0.97  # it leaves room for definitions of joints, which are one here


def test_two_cameras_beat_the_better_one() -> None:
    cameras, poses_m = ring(4)[:2], true_poses(3)
    views = [as_seen(camera, poses_m, 30 + place) for place, camera in enumerate(cameras)]
    better = min(alone_mm(*pair, poses_m) for pair in zip(cameras, views, strict=True))
    assert error_mm(fused(cameras, views), poses_m).mean() < 0.75 * better


def test_one_camera_alone_gives_its_lifted_pose() -> None:
    camera, poses_m = ring(1)[0], true_poses(4)
    view = as_seen(camera, poses_m, 40)
    for one, seen in zip(fused([camera], [view]), view, strict=True):
        np.testing.assert_allclose(one.joints_m, camera.to_world(seen.joints_m), atol=2e-3)
        assert one.ratio == pytest.approx(1)


@pytest.mark.parametrize("lost", ["covered", "thrown", "half"])
def test_what_one_camera_loses_costs_little(lost: str) -> None:
    cameras, poses_m = ring(4), true_poses(5)
    views = [as_seen(camera, poses_m, 50 + place) for place, camera in enumerate(cameras)]
    whole = error_mm(fused(cameras, views), poses_m).mean()
    spoilt = []
    for seen in views[1]:
        rays, score = seen.rays.copy(), seen.score.copy()
        if lost == "thrown":
            rays[16] += 0.4  # a wrist in a corner, for sure
        else:
            rays[: None if lost == "covered" else 7] = np.nan
            score[: None if lost == "covered" else 7] = 0
        spoilt.append(Seen(rays, score, seen.joints_m, seen.sigma_m, seen.root_sigma))
    assert error_mm(fused(cameras, [views[0], spoilt, *views[2:]]), poses_m).mean() < 1.4 * whole + 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)))
def test_the_order_of_cameras_and_the_worlds_axes_do_not_matter(seed: int, order: list[int]) -> None:
    cameras, poses_m = ring(4), true_poses(seed)[:1]
    views = [as_seen(camera, poses_m, seed + place)[0] for place, camera in enumerate(cameras)]
    there = fuse(cameras, views)
    again = fuse([cameras[place] for place in order], [views[place] for place in order])
    np.testing.assert_allclose(again.joints_m, there.joints_m, atol=1e-6)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    turned = [PlacedCamera(one.name, one.camera, one.rotation @ turn.T, one.shift_m) for one in cameras]
    np.testing.assert_allclose(fuse(turned, views).joints_m, there.joints_m @ turn.T, atol=1e-6)
    assert np.isfinite(there.sigma_m).all()


def test_nobody_is_no_pose() -> None:
    with pytest.raises(ValueError, match="0 views"):
        fuse([], [])
