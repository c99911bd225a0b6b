"""A foot on the floor: what it says about the person's distance and size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground

Array64 = NDArray[np.float64]
Real = NDArray[np.floating[Any]]

ANKLES = (3, 6)
MIN_FOOT_SCORE = 0.4
_HEIGHT_SIGMA_M = 0.035  # of the lowest ankle about its standing height, through a walk
_MIN_SLOPE = 0.05  # a ray flatter than this (about 3 degrees) meets the floor nowhere in particular


def lowest_foot(joints_m: Real, rays: Real, score: Real, up: Array64) -> int | None:
    """The ankle joint that is lower along `up`, or None where that one is not seen."""
    ankle = min(ANKLES, key=lambda joint: float(joints_m[joint] @ up))
    seen = np.isfinite(rays[ankle]).all() and score[ankle] >= MIN_FOOT_SCORE
    return ankle if seen else None


def slope(ray: Real, ground: Ground) -> float:
    """How many metres the ray (x/z, y/z) falls for each metre of depth; NaN where it is too flat to meet the floor."""
    fall = -float(ground.up @ (float(ray[0]), float(ray[1]), 1.0))
    return fall if fall > _MIN_SLOPE else float("nan")


def floor_depth(ray: Real, ground: Ground, ankle_m: float) -> tuple[float, float]:
    """Depth of a standing ankle seen along `ray`, and its 1-sigma error, in metres; NaN where the ray tells none."""
    fall = slope(ray, ground)
    return (ground.height_m - ankle_m) / fall, _HEIGHT_SIGMA_M / fall


def floor_scale(ray: Real, foot_depth: float, ground: Ground, ankle_m: float) -> float:
    """The factor that puts a foot, placed at `foot_depth` by a body of unknown size, on the floor; NaN if unknown.

    A body k times as large stands k times as far: k * fall * foot_depth = height_m - k * ankle_m.
    """
    return ground.height_m / (slope(ray, ground) * foot_depth + ankle_m)
