"""A foot that rests in the picture holds the root still."""

from __future__ import annotations

import numpy as np

from calibration.person.resting_feet import RestingFeet
from tests.support.people_in_view import BODY_M, rays_of

SEEN = (True,) * 17
RAYS = rays_of(BODY_M[None])[0]
ROOT = np.array((0.2, 0.1, 3.0))


def held(roots: np.ndarray, rays: np.ndarray, seen: tuple[bool, ...] = SEEN) -> np.ndarray:
    feet = RestingFeet()
    frames = zip(roots.tolist(), rays, strict=True)
    held_m = [feet.hold(i * 33_333_333, tuple(root), BODY_M, ray, seen) for i, (root, ray) in enumerate(frames)]
    return np.array([root for root, _ in held_m])


def test_a_trembling_root_is_held_by_a_foot_that_rests() -> None:
    roots = ROOT + np.random.default_rng(0).normal(0, 0.02, (90, 3)) * (0.1, 0.1, 1)
    rays = np.repeat(RAYS[None], 90, 0)
    moved = np.linalg.norm(np.diff(held(roots, rays), axis=0), axis=-1)
    assert moved[2:].max() < 0.008
    unseen = held(roots, rays, (False,) * 17)
    np.testing.assert_allclose(unseen, roots)


def test_ankles_that_tremble_each_for_itself_are_held_and_nothing_else_moves() -> None:
    rng, feet = np.random.default_rng(1), RestingFeet()
    ankles = []
    for frame in range(60):
        pose = BODY_M.copy()
        pose[[3, 6], 2] += rng.normal(0, 0.015, 2)
        root, placed = feet.hold(frame * 33_333_333, tuple(ROOT), pose, RAYS, SEEN)
        others = [joint for joint in range(17) if joint not in (3, 6)]
        np.testing.assert_array_equal(placed[others], pose[others])
        ankles.append(placed[[3, 6]] + root)
    assert np.linalg.norm(np.diff(ankles, axis=0), axis=-1)[2:].max() < 0.008


def test_a_walker_is_not_held() -> None:
    roots = ROOT + np.linspace(0, 1, 30)[:, None] * (0.6, 0, 0)
    rays = np.stack([rays_of(BODY_M[None], tuple(root))[0] for root in roots])
    np.testing.assert_allclose(held(roots, rays), roots)


def test_what_was_held_is_let_go_without_a_leap() -> None:
    roots = np.repeat(ROOT[None], 60, 0)
    roots[20:] += (0, 0, 0.3)
    rays = np.repeat(RAYS[None], 60, 0)
    rays[30:] += (0.01 * np.arange(1, 31))[:, None, None]
    moved = np.linalg.norm(np.diff(held(roots, rays), axis=0), axis=-1)
    assert moved[2:].max() < 0.06
    np.testing.assert_allclose(held(roots, rays)[-10:], roots[-10:], atol=0.02)


def test_without_a_root_there_is_none() -> None:
    roots = np.repeat(ROOT[None], 6, 0)
    roots[3] = np.nan
    out = held(roots, np.repeat(RAYS[None], 6, 0))
    assert np.isnan(out[3]).all()
    assert np.isfinite(np.delete(out, 3, 0)).all()


def test_a_rigid_skeleton_is_left_as_it_is() -> None:
    rng, feet = np.random.default_rng(2), RestingFeet(rigid=True)
    for frame in range(20):
        pose = BODY_M + rng.normal(0, 0.01, (17, 3))
        np.testing.assert_array_equal(feet.hold(frame * 33_333_333, tuple(ROOT), pose, RAYS, SEEN)[1], pose)
