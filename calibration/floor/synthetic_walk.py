"""A person who walks squares in front of a known camera, made from a captured walk: for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground
from calibration.person.body_scale import ANKLE_HEIGHT, ANKLES, bone_lengths, stature

Array64 = NDArray[np.float64]

_TURN_FRAMES = 15


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """30 Hz truth: joints in the world (z up, floor at 0) and in camera axes, and who is seen by what."""

    world_m: Array64  # (T, 17, 3)
    camera_m: Array64  # (T, 17, 3)
    ground: Ground
    height_m: float  # of the person

    @property
    def rays(self) -> Array64:
        return np.asarray(self.camera_m[..., :2] / self.camera_m[..., 2:])


def walk_squares(clip_y_up_m: NDArray[np.float32], seconds: float, centre_m: float = 5.0) -> Array64:
    """A straight captured walk (T, 17, 3) at 120 Hz, y up -> squares round (0, centre_m), world axes, 30 Hz.

    Each side is a whole number of gait cycles; corners are turned in half a second with the poses blended.
    """
    world = np.stack([clip_y_up_m[..., 0], -clip_y_up_m[..., 2], clip_y_up_m[..., 1]], -1)[::4].astype(np.float64)
    side = _whole_cycles(world)
    ahead = side[-1, 0, :2] - side[0, 0, :2]
    side = _turned(side - side[0, 0] * [1, 1, 0], -float(np.arctan2(ahead[1], ahead[0])))
    length = float(side[-1, 0, 0])
    frames: list[Array64] = []
    at, heading = np.array([-length / 2, centre_m - length / 2, 0]), 0.0
    while sum(len(part) for part in frames) < seconds * 30:
        leg = _turned(side, heading) + at
        frames.append(leg)
        at = leg[-1, 0] * [1, 1, 0]
        corner = []
        for share in np.linspace(0, 1, _TURN_FRAMES + 2)[1:-1]:
            pose = (1 - share) * (side[-1] - [*side[-1, 0, :2], 0]) + share * (side[0] - [*side[0, 0, :2], 0])
            corner.append(_turned(pose[None], heading + share * np.pi / 2)[0] + at)
        frames.append(np.array(corner))
        heading += np.pi / 2
    return np.concatenate(frames)[: int(seconds * 30)]


def see(world_m: Array64, ground: Ground) -> Scene:
    """Seen by a camera at `ground`; the motion is lowered onto the floor (its standing ankles at ankle height)."""
    height = float(stature(np.median(bone_lengths(world_m), 0)))
    low = np.median(world_m[:, list(ANKLES), 2].min(1))
    on_floor = world_m - [0, 0, low - ANKLE_HEIGHT * height]
    return Scene(on_floor, (on_floor - [0, 0, ground.height_m]) @ ground.rotation, ground, height)


def keypoint_noise(rays: Array64, rng: np.random.Generator, jitter: float = 0.03, offset: float = 0.02,
                   correlation: float = 0.85) -> Array64:
    """Rays (T, 17, 2) as a detector gives them: correlated jitter and a constant offset, in shares of their extent."""
    extent = np.sqrt(np.square(rays - rays.mean(1, keepdims=True)).sum(-1).mean(1))[:, None, None]
    wobble = rng.standard_normal(rays.shape)
    for t in range(1, len(wobble)):
        wobble[t] = correlation * wobble[t - 1] + np.sqrt(1 - correlation**2) * wobble[t]
    return np.asarray(rays + extent * (jitter * wobble + offset * rng.standard_normal(rays.shape[1:])))


def _whole_cycles(world: Array64) -> Array64:
    """The longest stretch whose last pose is most like its first: the poses about the hip, velocities included."""
    pose = world - world[:, :1] * [1, 1, 0]
    state = np.concatenate([pose[:-1], 5 * np.diff(pose, axis=0)], 1).reshape(len(pose) - 1, -1)
    best, cut = np.inf, (0, len(world) - 1)
    for first in range(len(state) // 3):
        last = np.arange(first + len(state) // 2, len(state))
        apart = np.linalg.norm(state[last] - state[first], axis=1)
        if apart.min() < best:
            best, cut = float(apart.min()), (first, int(last[apart.argmin()]))
    return world[cut[0] : cut[1] + 1]


def _turned(points: Array64, angle: float) -> Array64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]))
