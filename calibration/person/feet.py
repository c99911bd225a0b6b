"""Heels and toes, derived: hung on the lifted leg, as they were seen about its ankle.

A toe lies on its ray and a foot's length from the ankle: at one of two places, one nearer to the camera, one further
away. It is the one that is more like where a foot points, forward of its shank, and where it pointed before. The more
a foot lies across the view, the less its ray tells of its depth, and the more anatomy and the past have to say. The
heel is where the foot and the shank have it, moved onto its ray. The lifted joints know nothing of the feet.

Measured on motion capture, the floor beneath a foot added nothing: it is not asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.person.hanging import (
    Vector,
    depth_of,
    depth_variance,
    is_seen,
    normalised,
    off_the_ray,
    on_its_ray,
    view_of,
)

Array = NDArray[np.float32]

GAP_S = 0.5
_LEGS = ((1, 2, 3), (4, 5, 6))  # hip, knee, ankle
_HIP, _RIGHT_HIP, _LEFT_HIP, _SPINE = 0, 1, 4, 7
# In parts of the shank, as MediaPipe has them on real people: from the ankle to toe and heel; and the angle between.
_TOE, _HEEL, _LONGEST = 0.43, 0.21, 0.55
_BETWEEN = math.radians(100)
_DOWN = math.radians(22)  # a foot that stands points so far below the right angle to its shank
_TURNED_M = 0.05  # the pelvis says as much as a knee that is bent by this where forward is
_SEEN_M = 0.03  # 1 sigma of a toe about its ankle across the view
_BACK_S = 0.5  # a foot that is not seen is as an idle one after about so long
_PAST, _ANATOMY = 0.6, 0.3  # 1 sigma of a foot's depth by the past and by anatomy alone, in parts of its length
_FURTHEST_M = 0.08  # a heel seen further from where the foot has it is not believed
_LENGTHEN = 0.05  # of what a foot is seen to be longer


@dataclass(slots=True)
class _Foot:
    toe: float = _TOE  # in parts of the shank
    pointing: Vector | None = None  # a unit vector in camera axes


class Feet:
    """Of one person."""

    def __init__(self) -> None:
        self._feet = (_Foot(), _Foot())
        self._time_s = math.nan

    def place(
        self, time_s: float, joints_m: Vector, sigma_m: Array, rays: Array, seen: Array
    ) -> tuple[Vector, Vector]:  # fmt: skip
        """Joints (17, 3) in camera axes, finite, their errors (17,) and rays (17, 2), NaN where not known, and rays and
        scores (4, 3) of FEET, NaN if unseen.

        Gives FEET (engines.models.skeleton) in camera axes (4, 3), and their 1-sigma errors (4,).
        """
        dt_s = time_s - self._time_s
        self._time_s = time_s
        places, errors = np.empty((4, 3)), np.empty(4)
        for side, (foot, leg) in enumerate(zip(self._feet, _LEGS, strict=True)):
            if not 0 < dt_s <= GAP_S:
                foot.pointing = None
            rows = slice(2 * side, 2 * side + 2)
            shown = on_its_ray(joints_m[leg[2]], rays[leg[2]])
            places[rows], off_m = _place(foot, joints_m, leg, shown, seen[rows].tolist(), dt_s)
            errors[rows] = np.hypot(off_m, float(sigma_m[leg[2]]))
        return places, errors


def _place(
    foot: _Foot, joints_m: Vector, leg: tuple[int, int, int], shown: Vector, seen: Sequence[Sequence[float]],
    dt_s: float,
) -> tuple[Vector, Vector]:  # fmt: skip
    """Heel and toe (2, 3) and by how much they may be off about their ankle (2,); `shown`: that where it was seen."""
    ankle, knee = joints_m[leg[2]], joints_m[leg[1]]
    shank, up = normalised(knee - ankle)
    idle, spread = _idle(joints_m, leg, up), _ANATOMY
    if foot.pointing is not None:
        past = _PAST * math.sqrt(1 + dt_s / _BACK_S)
        of_past = spread**2 / (spread**2 + past**2)
        idle = normalised(of_past * foot.pointing + (1 - of_past) * idle)[1]
        spread = 1 / math.hypot(1 / spread, 1 / past)
    heel_seen, toe_seen = seen
    if is_seen(toe_seen):
        pointing, off = _pointing(foot, shown, shank, view_of(toe_seen), idle, spread)
    else:
        pointing, off = idle, min(2 * spread, 1.0) * foot.toe * shank
    foot.pointing = pointing
    length = foot.toe * shank
    heel = ankle + _HEEL * shank * _turned_back(pointing, up)
    heel_off = off / 2
    if is_seen(heel_seen):
        aside = off_the_ray(heel - ankle + shown, view_of(heel_seen))
        if np.linalg.norm(aside) < _FURTHEST_M:
            heel = heel + aside
    else:
        heel_off = heel_off + _SEEN_M
    return np.stack((heel, ankle + length * pointing)), np.array((heel_off, off))


def _pointing(
    foot: _Foot, ankle: Vector, shank: float, view: Vector, idle: Vector, spread: float
) -> tuple[Vector, float]:
    """Where a foot points whose toe is seen along `view`, and by how much (m) the toe may be off."""
    across = off_the_ray(ankle, view)
    aside = float(np.linalg.norm(across))
    if foot.toe < aside / shank < 2 * _LONGEST:
        foot.toe += _LENGTHEN * (min(aside / shank, _LONGEST) - foot.toe)
    length = foot.toe * shank
    told = length * float(idle @ view)  # how deep, by what is known without the ray
    deep = math.copysign(depth_of(length, aside), told)
    variance, prior = depth_variance(length, aside, deep, _SEEN_M), (spread * length) ** 2
    deep = (deep * prior + told * variance) / (prior + variance)
    return normalised(across + deep * view)[1], math.hypot(math.sqrt(prior * variance / (prior + variance)), _SEEN_M)


def _idle(joints_m: Vector, leg: tuple[int, int, int], up: Vector) -> Vector:
    """Where a foot points of which nothing is known: forward of its shank, by its knee's bend and the pelvis."""
    hip, knee, ankle = (joints_m[joint] for joint in leg)
    thigh = hip - ankle
    bent = knee - ankle - ((knee - ankle) @ thigh) / max(thigh @ thigh, 1e-9) * thigh
    ahead = normalised(np.cross(joints_m[_LEFT_HIP] - joints_m[_RIGHT_HIP], joints_m[_SPINE] - joints_m[_HIP]))[1]
    forward = bent + _TURNED_M * ahead
    forward = normalised(forward - (forward @ up) * up)[1]
    return math.cos(_DOWN) * forward - math.sin(_DOWN) * up


def _turned_back(pointing: Vector, up: Vector) -> Vector:
    """The heel's direction from the ankle: the toe's, turned in the plane of foot and shank, away from the shank."""
    down = normalised(-up - (-up @ pointing) * pointing)[1]
    return math.cos(_BETWEEN) * pointing + math.sin(_BETWEEN) * down
