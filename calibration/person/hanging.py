"""What hangs on a joint and is seen along a ray: it lies at one of two places, its own length away from the joint.

Shared by heels and toes, and by the hands' knuckles: see calibration.person.feet and calibration.person.hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.person.root import MIN_SCORE

Vector = NDArray[np.float64]

_LEAST_ASIDE = 0.2  # of the length: what a point's error across the view is counted by, at the least


def is_seen(point: Sequence[float]) -> bool:
    """A ray and its score (3,)."""
    return point[2] >= MIN_SCORE and math.isfinite(point[0] + point[1])


def view_of(point: Sequence[float]) -> Vector:
    """The ray's direction from the camera, a unit vector."""
    return normalised(np.array((point[0], point[1], 1.0)))[1]


def on_its_ray(joint_m: Vector, ray: Vector) -> Vector:
    """The joint, as far away as it is, where its own ray (2,) shows it; NaN: as it is.

    Lifted joints do not lie quite on their rays. What is seen about a joint is seen about where that is seen.
    """
    if not math.isfinite(ray[0] + ray[1]):
        return joint_m
    return np.asarray(float(np.linalg.norm(joint_m)) * view_of(ray.tolist()))


def off_the_ray(joint_m: Vector, view: Vector) -> Vector:
    """From the joint to the nearest point of the ray, m."""
    return np.asarray(float(joint_m @ view) * view - joint_m)


def depth_of(length_m: float, aside_m: float) -> float:
    """How much deeper, or less deep, than the ray's nearest point it lies, m; 0 where it cannot reach the ray."""
    return math.sqrt(max(length_m**2 - aside_m**2, 0.0))


def depth_variance(length_m: float, aside_m: float, depth_m: float, seen_m: float) -> float:
    """Of that depth (m2), `seen_m` being the error across the view: the more it lies across, the less the ray tells."""
    slack = max(aside_m, _LEAST_ASIDE * length_m) * seen_m
    return (slack / max(abs(depth_m), math.sqrt(slack))) ** 2


def normalised(vector: Vector) -> tuple[float, Vector]:
    """Its length, and it at a length of 1; of nothing, nothing."""
    length = float(np.linalg.norm(vector))
    return length, vector / max(length, 1e-9)
