"""A foot on the floor: what it says about the person's distance and size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground
from calibration.person.body_scale import ANKLE_HEIGHT, ANKLES, MIN_FOOT_SCORE
from calibration.person.bones import ASSUMED_STATURE_M
from calibration.person.root import Root
from calibration.person.size import Size, Sized

Array64 = NDArray[np.float64]
Real = NDArray[np.floating[Any]]

_HEIGHT_SIGMA_M = 0.035  # of the lowest ankle about its standing height, through a walk
_ASSUMED_ANKLE_M = ANKLE_HEIGHT * ASSUMED_STATURE_M
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


def ankle_height(sized: Sized, size: Size) -> float:
    """Of a standing ankle above the floor, in metres."""
    return _ASSUMED_ANKLE_M * sized.factor if math.isnan(size.height_m) else ANKLE_HEIGHT * size.height_m


def stand(root: Root, sized: Sized, size: Size, ground: Ground, rays: Real, score: Real) -> Root:
    """The root corrected by the foot on the floor: the two are weighed by their errors.

    Rays (17, 2) and scores (17,) are those of the pose. `size` is told what the floor says of an unknown height, but by
    a floor whose own metres are of a body that was assumed.
    """
    foot = lowest_foot(sized.pose_m, rays, score, ground.up) if math.isfinite(sum(root[:3])) else None
    if foot is None:
        return root
    ankle_m = ankle_height(sized, size)
    foot_depth = root.z_m + float(sized.pose_m[foot, 2])
    if math.isnan(size.height_m) and ground.scale != "assumed":
        factor = floor_scale(rays[foot], foot_depth / sized.factor, ground, _ASSUMED_ANKLE_M)
        size.hear_floor(factor, ground.scale)
        if not size.floor_is_heard:
            return root
    depth, floor_sigma = floor_depth(rays[foot], ground, ankle_m)
    floor_sigma = math.hypot(floor_sigma, sized.sigma_m[foot])
    gap = depth - foot_depth
    if not abs(gap) < 3.0 * math.hypot(root.sigma_depth_m, floor_sigma):  # in the air, on a chair, or no such ray
        return root
    share = root.sigma_depth_m**2 / (root.sigma_depth_m**2 + floor_sigma**2)
    along = 1 + share * gap / root.z_m
    return Root(root.x_m * along, root.y_m * along, root.z_m * along, root.sigma_depth_m * math.sqrt(1 - share),
                root.sigma_lateral_m)  # fmt: skip
