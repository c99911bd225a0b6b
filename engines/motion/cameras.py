"""Random virtual cameras: bodies in the world (y up) to joints in camera axes (x right, y down, z forward)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.motion.augment import rotation
from engines.motion.mocap import Float

FLIP_Y = np.array(((1, 0, 0), (0, -1, 0), (0, 0, -1)))  # y up, z towards the viewer -> y down, z forward
NEAREST_M = 1.0  # to the hip, beyond what the path needs


@dataclass(frozen=True)
class CameraRange:
    """Ranges that virtual cameras are drawn from."""

    hfov_deg: tuple[float, float] = (35.0, 105.0)
    distance_m: tuple[float, float] = (1.1, 14.0)
    steep: float = 0.3  # share of views from well above or below
    roll_sigma_rad: float = 0.08
    moving: float = 0.3  # share of cameras that pan and drift


def view(rng: np.random.Generator, joints: Float, root: Float, how: CameraRange) -> tuple[Float, Float, Float]:
    """Joints (B, S, 17, 3) about the hip and root (B, S, 3), world -> joints, root and up (B, S, 3) in camera axes.

    The body's distance, bearing, the camera's height, pitch, roll and motion are random, and the person stays in front.
    """
    batch, length = len(root), int(root.shape[1])
    path = root - root[:, length // 2 : length // 2 + 1]
    reach = np.linalg.norm(path[..., (0, 2)], axis=-1).max(1)
    low, high = np.log(how.distance_m)
    distance = np.maximum(np.exp(rng.uniform(low, high, batch)), reach * 1.3 + NEAREST_M)
    turned = rotation(np.tile(np.array((0, 1, 0)), (batch, 1)), rng.uniform(-np.pi, np.pi, batch)).swapaxes(1, 2)
    joints, path = joints @ turned[:, None] @ FLIP_Y, path @ turned @ FLIP_Y

    above = np.arcsin(np.clip(rng.normal(0.35, 0.6, batch) / distance, -0.6, 0.9))
    above = np.where(rng.random(batch) < how.steep, rng.uniform(-0.35, 0.8, batch), above)
    half = np.radians(rng.uniform(*how.hfov_deg, batch)) / 2
    bearing_x = np.arctan(np.tan(half) * rng.uniform(-0.75, 0.75, batch))
    bearing_y = np.arctan(np.tan(half) * rng.uniform(-0.5, 0.5, batch))
    pitch, roll = above - bearing_y, rng.normal(0, how.roll_sigma_rad, batch)
    # the root as seen by a level camera, then the camera tilts: rows are vectors, matrices multiply from the right
    level = np.stack((np.sin(bearing_x), np.tan(above), np.cos(bearing_x)), -1)
    level *= (distance / np.linalg.norm(level, axis=-1))[:, None]
    seconds = (np.arange(length) - length // 2) / 30.0
    moving = (rng.random((batch, 1)) < how.moving) * rng.normal(0, 0.08, (3, batch, 1)) * seconds
    ones = np.ones((batch, length, 1))
    tilt = (
        rotation(ones * (0, 1, 0), moving[0])
        @ rotation(ones * (-1, 0, 0), pitch[:, None] + moving[1])
        @ rotation(ones * (0, 0, 1), roll[:, None] + 0.3 * moving[2])
    )
    placed = ((level[:, None] + path)[:, :, None] @ tilt)[:, :, 0]
    return (joints @ tilt).astype(np.float32), placed.astype(np.float32), -tilt[..., 1, :].astype(np.float32)
