"""A room with cameras round it, z up, and somebody who wanders about in it: everything known exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from walkers import ANKLE_M, BODY

from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera

Double = NDArray[np.float64]
LENS = Camera.assumed((1280, 720))
_LEG_M, _STANCE = 0.83, 0.6
_ARMS = ((12, 13, 14, 15, 16, 11), (1.0, 1.0, -1.0, -1.0, -1.0, 1.0))


def cameras_round(
    count: int, radius_m: float = 4.5, height_m: float = 1.6, spread_deg: float = 300.0
) -> list[PlacedCamera]:
    """On a part of a ring about the origin, looking at 0.9 m above it; the first stands where y is least."""
    placed = []
    for number in range(count):
        turn = np.radians(spread_deg) * number / max(count, 1)
        stands = np.array([radius_m * np.sin(turn), -radius_m * np.cos(turn), height_m + 0.15 * number])
        ahead = np.array([0, 0, 0.9]) - stands
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, (0, 0, 1.0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        placed.append(PlacedCamera(f"cam{number + 1}", LENS, rotation, -rotation @ stands))
    return placed


def wandering(t_s: Double, seed: int = 0, middle_m: tuple[float, float] = (0.0, 0.0)) -> Double:
    """(T, 17, 3): somebody who goes round in loops, now faster and now slower, feet on the floor at z = 0."""
    chance = np.random.default_rng(seed)
    beats, phases = chance.uniform(0.15, 0.5, 3), chance.uniform(0, 2 * np.pi, 3)
    strides = 0.85 * t_s  # one stride is two steps
    for beat, phase in zip(beats, phases, strict=True):
        strides = strides + 0.04 / beat * np.sin(beat * 2 * np.pi * t_s + phase)
    reach = 1 + 0.4 * np.sin(0.37 * t_s + seed)
    moments = zip(strides.tolist(), reach.tolist(), strict=True)
    return np.stack([_stepping(stride, far, middle_m) for stride, far in moments])


def _on_path(stride: float, side_m: float, middle_m: tuple[float, float]) -> tuple[Double, float]:
    """A point of the path, and which way it leads there."""
    angle = stride * 0.62
    at = np.array([1.2 * np.cos(angle), 0.8 * np.sin(2 * angle) * 0.6])
    ahead = np.array([-1.2 * np.sin(angle), 0.96 * np.cos(2 * angle)])
    facing = float(np.arctan2(ahead[1], ahead[0]) - np.pi / 2)
    out = np.array([np.cos(facing), np.sin(facing)]) * side_m
    return at + out + middle_m, facing


def _stepping(stride: float, reach: float, middle_m: tuple[float, float]) -> Double:
    hip, facing = _on_path(stride, 0.0, middle_m)
    c, s = np.cos(facing), np.sin(facing)
    body = BODY.copy()
    swing = 0.25 * reach * np.sin(2 * np.pi * stride)
    for joint, sign in zip(*_ARMS, strict=True):
        body[joint, 1] += sign * swing * (1.0 if joint in (13, 16) else 0.5 if joint in (12, 15) else 0.0)
        body[joint, 2] += 0.15 * abs(swing) * (joint in (13, 16))
    body = body @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + np.array([*hip, _LEG_M + ANKLE_M])
    for ankle, knee, side_m, late in ((3, 2, 0.09, 0.0), (6, 5, -0.09, 0.5)):
        whole, share = divmod(stride + late, 1.0)
        over = max(share - _STANCE, 0.0) / (1 - _STANCE)
        foot, _ = _on_path(whole - late + _STANCE / 2 + over, side_m, middle_m)
        body[ankle] = (*foot, ANKLE_M + 0.14 * np.sin(np.pi * over))
        body[knee] = (body[ankle] + body[0]) / 2 + np.array([-s, c, 0]) * 0.08
    return body


def watched(
    camera: PlacedCamera, world_m: Double, t_s: Double, seed: int | None = 0, ray_noise: float = 0.002
) -> Watched:
    """As a detector and a lifter have it, the lifter 4 % wrong in size; without `seed` exactly."""
    inside = camera.to_camera(world_m)
    rays = inside[..., :2] / inside[..., 2:]
    if seed is None:
        return Watched(t_s, rays, np.ones(rays.shape[:2]), inside)
    chance = np.random.default_rng(seed)
    rays = rays + chance.normal(0, ray_noise, rays.shape)
    depth_m = inside[..., 2] + chance.normal(0, 0.03, inside.shape[:2])
    lifted = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1) * depth_m[..., None]
    return Watched(t_s, rays, chance.uniform(0.6, 1, rays.shape[:2]), lifted * (1 + chance.normal(0, 0.04)))


def turn_between_deg(one: PlacedCamera, other: PlacedCamera, true_one: PlacedCamera, true_other: PlacedCamera) -> float:
    """How far the turn from one camera to another is off."""
    off = (other.rotation @ one.rotation.T) @ (true_other.rotation @ true_one.rotation.T).T
    return float(np.degrees(np.arccos(np.clip((np.trace(off) - 1) / 2, -1, 1))))


def stand_m(camera: PlacedCamera) -> Double:
    """(3,) where it stands."""
    return np.asarray(-camera.rotation.T @ camera.shift_m)
