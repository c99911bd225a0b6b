"""Keypoints of a person known exactly: standing, turning, stepping, seen by a camera in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP, PARENTS

Array = NDArray[np.float32]
# a standing body in camera axes (y down), the hip at the origin, facing the camera: its left is the picture's right
BODY_M = np.array([
    [0, 0, 0], [-0.11, 0, 0], [-0.12, 0.4, -0.02], [-0.12, 0.82, 0.02], [0.11, 0, 0], [0.12, 0.4, -0.02],
    [0.12, 0.82, 0.02], [0, -0.25, 0], [0, -0.48, 0], [0, -0.6, -0.02], [0, -0.72, 0], [0.17, -0.47, 0],
    [0.24, -0.2, 0], [0.26, 0.04, -0.06], [-0.17, -0.47, 0], [-0.24, -0.2, 0], [-0.26, 0.04, -0.06],
])  # fmt: skip
LEGS, ARMS = [1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16]
BONES_M = np.linalg.norm(BODY_M[1:] - BODY_M[list(PARENTS[1:])], axis=-1)


def turned(yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """The body at each angle (T,) about the vertical: (T, 17, 3)."""
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y, z = BODY_M.T
    return np.stack((cos * x + sin * z, np.broadcast_to(y, (len(yaw), 17)), cos * z - sin * x), -1)


def stepping(frames: int, rate_hz: float = 30.0, swing: float = 0.4) -> NDArray[np.float64]:
    """Legs and arms swing to and fro, seen obliquely: (T, 17, 3)."""
    at = np.sin(2 * np.pi * 0.9 * np.arange(frames) / rate_hz) * swing
    bodies = np.repeat(BODY_M[None], frames, 0)
    for joints, sign in (([2, 3], 1), ([5, 6], -1), ([12, 13], 1), ([15, 16], -1)):
        top = PARENTS[joints[0]]
        for joint in joints:
            arm = BODY_M[joint] - BODY_M[top]
            bodies[:, joint, 1] = BODY_M[top, 1] + np.cos(at) * arm[1]
            bodies[:, joint, 2] = BODY_M[top, 2] + sign * np.sin(at) * arm[1] + arm[2]
    cos, sin = np.cos(0.6), np.sin(0.6)
    return bodies @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])


def rays_of(bodies_m: NDArray[np.float64], root_m: tuple[float, float, float] = (0.2, 0.1, 3.0)) -> Array:
    """(T, 17, 2) as (x/z, y/z)."""
    points = bodies_m + root_m
    return np.asarray(points[..., :2] / points[..., 2:], np.float32)


def swapped(rays: Array, frames: NDArray[np.bool_], joints: list[int]) -> Array:
    """These joints with their sides exchanged in these frames."""
    out = rays.copy()
    for frame in np.flatnonzero(frames):
        out[frame, joints] = rays[frame, [FLIP[joint] for joint in joints]]
    return out
