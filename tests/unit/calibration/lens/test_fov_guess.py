from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.floor.floor_fit import Walk, ground_from_walk
from calibration.floor.ground import from_angles
from calibration.floor.synthetic_walk import Scene, keypoint_noise, see, walk_squares
from calibration.lens.fov_guess import guess_fov
from calibration.lens.rays import Camera
from calibration.person.root import solve_root
from engines.errors import UserError

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def squares(mocap_npz: Path) -> NDArray[np.float64]:
    with np.load(mocap_npz) as clips:
        return walk_squares(clips["08_03"], 24)


def noisy_poses(scene: Scene, sigma_m: float) -> Array:
    rng = np.random.default_rng(0)
    true = scene.camera_m - scene.camera_m[:, :1]
    return np.asarray(true + rng.normal(0, sigma_m, true.shape), np.float32)


@pytest.mark.parametrize(("height", "pitch", "roll"), [(1.5, -10.0, 2.0), (1.0, 0.0, -2.0), (2.8, -30.0, 4.0)])
def test_the_floor_is_found_from_a_noisy_walk(
    squares: NDArray[np.float64], height: float, pitch: float, roll: float
) -> None:
    scene = see(squares + [0, 1.0, 0], from_angles(height, pitch, roll))  # noqa: RUF005
    rays = keypoint_noise(scene.rays, np.random.default_rng(1))
    pose, score = noisy_poses(scene, 0.03), np.ones(rays.shape[:2])
    root = solve_root(rays, score, pose, np.full(score.shape, 0.03)).root_m
    root[::17] = np.nan
    found = ground_from_walk(Walk(root, pose.astype(np.float64), score, scene.height_m), "lens")
    assert np.degrees(np.arccos(found.up @ scene.ground.up)) < 1.5
    assert found.height_m == pytest.approx(height, rel=0.03)
    assert (found.scale, found.source, found.camera_identity) == ("height", "person", "lens")
    assert 0 < found.height_sigma_m < 0.06 * height


def test_too_little_walking_is_refused(squares: NDArray[np.float64]) -> None:
    scene = see(squares[:40], from_angles(1.5, -10))
    pose = scene.camera_m - scene.camera_m[:, :1]
    with pytest.raises(UserError, match="walk"):
        ground_from_walk(Walk(scene.camera_m[:, 0], pose, np.ones(pose.shape[:2]), scene.height_m))
    with pytest.raises(UserError, match="nobody"):
        ground_from_walk(Walk(scene.camera_m[:, 0] * np.nan, pose, np.ones(pose.shape[:2]), scene.height_m))


@pytest.mark.parametrize(("hfov_deg", "away_m"), [(40.0, 2.0), (60.0, 0.0), (90.0, -1.0)])
def test_the_field_of_view_is_guessed_from_a_walk(
    squares: NDArray[np.float64], hfov_deg: float, away_m: float
) -> None:
    scene = see(squares + [0, away_m, 0], from_angles(1.5, -10, 2))  # noqa: RUF005
    camera = Camera.assumed((1280, 720), hfov_deg)
    pixels = camera.project(scene.camera_m).astype(np.float32)
    poses = noisy_poses(scene, 0.03)

    def lift(rays: Array, score: Array) -> tuple[Array, Array]:
        assert rays.shape == pixels.shape
        return poses, np.full(score.shape, 0.03, np.float32)

    guess = guess_fov(pixels, np.ones(pixels.shape[:2], np.float32), (1280, 720), lift)
    assert guess.hfov_deg == pytest.approx(hfov_deg, abs=8)
    assert guess.headings_deg > 60
    with pytest.raises(UserError, match="ten seconds"):
        guess_fov(pixels[:60], np.ones((60, 17), np.float32), (1280, 720), lambda _, score: (poses[:60], 0.03 * score))
