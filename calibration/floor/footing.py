"""What one person's poses tell of the floor, frame by frame: where their feet stood, and which way their body is up.

Only who stands or walks is asked: who sits, lies, crouches or is in the air tells nothing. Constant memory. Plain
numbers: see calibration.person.root.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.floor.plane_fit import Upright
from calibration.person.body_scale import ANKLES, MIN_FOOT_SCORE

Array64 = NDArray[np.float64]
Vector = Sequence[float]
Point = tuple[float, float, float]

FOOTHOLDS = 24  # remembered of a person, the newest
FORGET_S = 120.0
GAP_S = 0.5  # longer unseen: speeds begin anew
_WARM_S = 0.6  # the lifter's first poses of a person are worse
_HIP, _THORAX, _HIPS, _SHOULDERS = 0, 8, (1, 4), (14, 11)  # right, left
_LEGS = ((2, 3), (5, 6))
_STRETCHED = 0.85  # of the way from ankles to thorax by the bones; who sits has about 0.7
_UPRIGHT, _UPRIGHT_TO_KNOWN = math.cos(math.radians(60)), math.cos(math.radians(25))
_STILL_M_S = 0.5  # across the view; a swinging ankle goes at 2 to 4 m/s
_SPEED_S = 0.1  # over which speeds are averaged
_LEVEL_FEET_M = 0.05  # where the ankles' heights differ by less, both feet may stand
_SAME_PLACE_M, _SAME_DEPTH_M = 0.15, 0.5  # across the view, and along it
_BRIEF_S = 0.15  # a contact of less is none: the turning point of a jump
_FORWARD = math.tan(math.radians(2.5))  # a standing body's thorax is so far ahead of its ankles, on motion capture
_FLATTENED = 0.15  # lifted bodies lean away from a camera that looks down on them, in parts of that angle
_FACINGS = 4
_LEAST_FACING_S, _MOST_FACING_S = 0.5, 10.0  # less tells nothing, more tells no more
# One sigma in radians: of what a person's leanings have in common, and of that while they face one way. Along the view
# the lifter's error comes to it.
_ASIDE = (math.radians(2.5), math.radians(2.0))
_AWAY = (math.radians(3.5), math.radians(4.0))


@dataclass(slots=True)
class Foothold:
    """A place where an ankle stood: the mean of what was seen, in camera axes."""

    ankle: int
    at: Point
    seconds: float
    last_s: float

    @property
    def counts(self) -> bool:
        return self.seconds >= _BRIEF_S


@dataclass(frozen=True, slots=True)
class Stance:
    """Someone who stands or walks, in one frame: unit vectors in camera axes, from joint to joint of the body."""

    axis: Point  # ankles to thorax
    legs: Point  # ankles to hip
    trunk: Point  # hip to thorax
    forward: Point
    stature_m: float  # ankles to thorax


class Footing:
    """Of one person: `push` frame by frame. `stance` is that of the newest frame, None where they do not stand."""

    def __init__(self) -> None:
        self.ankle_m = 0.0  # of the ankle above the sole
        self.footholds: list[Foothold] = []
        self.stance: Stance | None = None
        self.seen_s = self._begun_s = -math.inf
        self._facings: dict[int, tuple[Point, float]] = {}  # mean axis, seconds
        self._rays: dict[int, Point] = {}
        self._speed: dict[int, Point] = {}
        self._stature_m = 1.3

    def push(self, t_s: float, joints_m: Sequence[Vector], score: Vector, ankle_m: float, up: Vector | None) -> None:
        """One frame: joints (17, 3) in camera axes, scores (17,), and up (3,) as far as it is known."""
        dt_s = t_s - self.seen_s
        if not 0 < dt_s <= GAP_S:
            dt_s, self._begun_s = 0.0, t_s
            self._rays.clear()
            self._speed.clear()
        self.seen_s, self.ankle_m = t_s, ankle_m
        still = [ankle for ankle in ANKLES if self._stands_still(ankle, joints_m[ankle], dt_s)]
        self.stance = _stance(joints_m, up)
        if self.stance is None or t_s - self._begun_s < _WARM_S:
            return
        self._stature_m = self.stance.stature_m
        self._face(self.stance, dt_s)
        heights = {ankle: _dot(joints_m[ankle], self.stance.axis) for ankle in ANKLES}
        for ankle in still:
            if heights[ankle] - min(heights.values()) < _LEVEL_FEET_M and score[ankle] >= MIN_FOOT_SCORE:
                self._tread(t_s, ankle, joints_m[ankle], dt_s)

    def upright(self) -> Upright | None:
        """Which way is up by this body, and how sure that is; None while hardly anything is known of it."""
        known = [axis for axis, seconds in self._facings.values() if seconds >= _LEAST_FACING_S]
        holds = [hold.at for hold in self.footholds if hold.counts]
        if not known or not holds:
            return None
        up = _unit(np.sum([_unit(np.array(axis)) for axis in known], 0))
        view = _unit(np.mean(holds, 0) + 0.7 * self._stature_m * up)
        aside, away = _across(up, view)
        looks_down = math.asin(max(-1.0, min(-float(view @ up), 1.0)))
        up = _unit(up - math.tan(_FLATTENED * looks_down) * away)
        aside, away = _across(up, view)
        many = math.sqrt(len(known))
        return Upright(up, aside, away, math.hypot(_ASIDE[0], _ASIDE[1] / many), math.hypot(_AWAY[0], _AWAY[1] / many))

    def forget(self, t_s: float) -> None:
        """What is old: footholds of long ago."""
        self.footholds = [hold for hold in self.footholds if t_s - hold.last_s <= FORGET_S]

    def _stands_still(self, ankle: int, joint_m: Vector, dt_s: float) -> bool:
        """Whether the ankle rests across the view, by its speed over the last tenth of a second."""
        x, y, z = joint_m
        if not (math.isfinite(x + y + z) and z > 0):
            self._rays.pop(ankle, None)
            self._speed.pop(ankle, None)
            return False
        before, self._rays[ankle] = self._rays.get(ankle), (x / z, y / z, z)
        if before is None or dt_s == 0:
            return False
        across = z * (x / z - before[0]) / dt_s, z * (y / z - before[1]) / dt_s
        old = self._speed.get(ankle, (across[0], across[1], 0.0))
        share = min(dt_s / _SPEED_S, 1.0)
        now = old[0] + share * (across[0] - old[0]), old[1] + share * (across[1] - old[1]), old[2] + dt_s
        self._speed[ankle] = now
        return now[2] >= _SPEED_S and math.hypot(now[0], now[1]) < _STILL_M_S

    def _face(self, stance: Stance, dt_s: float) -> None:
        """The body's axis goes to the mean of those seen while facing that way, put right by how bodies stand."""
        axis = tuple(own - _FORWARD * ahead for own, ahead in zip(stance.axis, stance.forward, strict=True))
        facing = int(math.atan2(stance.forward[0], stance.forward[2]) / (2 * math.pi) * _FACINGS + _FACINGS) % _FACINGS
        mean, seconds = self._facings.get(facing, ((0.0, 0.0, 0.0), 0.0))
        seconds = min(seconds + dt_s, _MOST_FACING_S)
        share = dt_s / seconds
        x, y, z = (old + share * (new - old) for old, new in zip(mean, axis, strict=True))
        self._facings[facing] = ((x, y, z), seconds)

    def _tread(self, t_s: float, ankle: int, joint_m: Vector, dt_s: float) -> None:
        """The foothold there grows, or a new one begins in place of the oldest."""
        x, y, z = joint_m
        for hold in self.footholds:
            if hold.ankle == ankle:
                off = math.hypot(x - hold.at[0], y - hold.at[1])
                if off < _SAME_PLACE_M and abs(z - hold.at[2]) < _SAME_DEPTH_M:
                    hold.seconds = min(hold.seconds + dt_s, _MOST_FACING_S)
                    share = dt_s / hold.seconds
                    a, b, c = hold.at
                    hold.at = (a + share * (x - a), b + share * (y - b), c + share * (z - c))
                    hold.last_s = t_s
                    return
        if len(self.footholds) >= FOOTHOLDS:
            self.footholds.remove(min(self.footholds, key=lambda hold: (hold.counts, hold.last_s)))
        self.footholds.append(Foothold(ankle, (x, y, z), dt_s, t_s))


def _stance(joints_m: Sequence[Vector], up: Vector | None) -> Stance | None:
    """None for who does not stand or walk; upright is by `up`, or in the picture while nothing better is known."""
    (ax, ay, az), (bx, by, bz) = joints_m[ANKLES[0]], joints_m[ANKLES[1]]
    ankles = ((ax + bx) / 2, (ay + by) / 2, (az + bz) / 2)
    hip, thorax = joints_m[_HIP], joints_m[_THORAX]
    along, legs, trunk = _minus(thorax, ankles), _minus(hip, ankles), _minus(thorax, hip)
    length, leg, back = math.hypot(*along), math.hypot(*legs), math.hypot(*trunk)
    bones = sum(math.dist(hip, joints_m[knee]) + math.dist(joints_m[knee], joints_m[ankle]) for knee, ankle in _LEGS)
    if not math.isfinite(length) or min(length, leg, back) < 1e-3 or length < _STRETCHED * (bones / 2 + back):
        return None
    axis = _times(1 / length, along)
    if up is None:
        if -axis[1] < _UPRIGHT:
            return None
    elif _dot(axis, up) < _UPRIGHT_TO_KNOWN:
        return None
    left = _minus(joints_m[_HIPS[1]], joints_m[_HIPS[0]])
    shoulders = _minus(joints_m[_SHOULDERS[1]], joints_m[_SHOULDERS[0]])
    left = (left[0] + shoulders[0], left[1] + shoulders[1], left[2] + shoulders[2])
    ahead = (left[1] * axis[2] - left[2] * axis[1], left[2] * axis[0] - left[0] * axis[2],
             left[0] * axis[1] - left[1] * axis[0])  # fmt: skip
    far = math.hypot(*ahead)
    forward = _times(1 / far, ahead) if far > 1e-3 else (0.0, 0.0, 0.0)
    return Stance(axis, _times(1 / leg, legs), _times(1 / back, trunk), forward, length)


def _across(up: Array64, view: Array64) -> tuple[Array64, Array64]:
    """Unit vectors square to `up`: across the view, and away from the camera."""
    aside = np.cross(view, up)
    size = float(np.linalg.norm(aside))
    aside = aside / size if size > 1e-6 else _unit(np.cross(up, (1.0, 0.0, 0.0)))
    return aside, np.asarray(np.cross(up, aside))


def _unit(vector: Array64) -> Array64:
    return np.asarray(vector / np.linalg.norm(vector))


def _dot(one: Vector, other: Vector) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _minus(one: Vector, other: Vector) -> Point:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _times(share: float, one: Vector) -> Point:
    return share * one[0], share * one[1], share * one[2]
