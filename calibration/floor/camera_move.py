"""Has the camera been moved? Then everyone in view shifts or leans at once, feet and all, as nobody walks.

A walker's foot rests while the body goes on; in a picture that is panned or pushed both feet go with it. What jumps
comes down again. A camera that is tilted leans legs and trunks alike; who bends or crouches leans them to two sides.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

from calibration.floor.footing import GAP_S, Stance
from calibration.person.body_scale import ANKLES

Point = tuple[float, float]
Vector = Sequence[float]

_STEP_S = 0.1  # between the moments that are compared
_MOMENTS = 9
_LEAST_M = 0.25  # a shift of less is none
_RIGID, _RIGID_M = 0.2, 0.04  # how far feet may go otherwise than the trunk: of its shift, and at all
_SETTLED_S = 0.7  # what jumps is down again after this
_STAYS = 0.5  # of the shift that is left then
_LEAN = math.tan(math.radians(10))
_ALIKE = 0.5  # of the lean that legs and trunk may differ by
_QUICK_S, _SLOW_S = 0.3, 3.0
_KNOWN_S, _LEANT_S = 1.5, 1.2
_TRUNK = (0, 8)


class _Watched:
    """One person: the last moments, and how they lean as a rule and right now."""

    def __init__(self) -> None:
        self.t_s = -math.inf
        self._begin()

    def _begin(self) -> None:
        self.moments: deque[tuple[float, Point, Point, Point]] = deque(maxlen=_MOMENTS)  # time, trunk, ankles
        self.quick: list[float] = []  # legs and trunk, six numbers
        self.slow: list[float] = []
        self.known_s = 0.0
        self.leant_s = 0.0
        self.shifted_from: Point | None = None
        self.shifted_by_m = 0.0
        self.shifted_s = -math.inf

    def push(self, t_s: float, joints_m: Sequence[Vector], stance: Stance | None) -> None:
        dt_s = t_s - self.t_s
        if not 0 < dt_s <= GAP_S:
            self._begin()
            dt_s = 0.0
        self.t_s = t_s
        trunk = _ray([sum(joints_m[joint][axis] for joint in _TRUNK) for axis in range(3)])
        left, right = (_ray(joints_m[ankle]) for ankle in ANKLES)
        self._shift(t_s, (trunk, left, right), sum(joints_m[joint][2] for joint in _TRUNK) / len(_TRUNK))
        if not self.moments or t_s - self.moments[-1][0] >= _STEP_S - 1e-3:
            self.moments.append((t_s, trunk, left, right))
        if stance is not None:
            self._lean([*stance.legs, *stance.trunk], dt_s)

    def _shift(self, t_s: float, now: tuple[Point, Point, Point], away_m: float) -> None:
        """Goes back through the moments for as long as feet and trunk moved as one."""
        for then_s, *then in reversed(self.moments):
            trunk, *ankles = ((a[0] - b[0], a[1] - b[1]) for a, b in zip(now, then, strict=True))
            shift_m = math.hypot(*trunk) * away_m
            slack = _RIGID * shift_m + _RIGID_M
            if not all(math.hypot(a[0] - trunk[0], a[1] - trunk[1]) * away_m < slack for a in ankles):
                return
            if shift_m > _LEAST_M and t_s - then_s >= _STEP_S - 1e-3 and t_s - self.shifted_s > _SETTLED_S:
                self.shifted_from, self.shifted_by_m, self.shifted_s = then[0], shift_m, t_s
                return

    def _lean(self, now: list[float], dt_s: float) -> None:
        if not self.quick:
            self.quick, self.slow = now, now
        share = min(dt_s / _QUICK_S, 1.0)
        self.quick = [old + share * (new - old) for old, new in zip(self.quick, now, strict=True)]
        off = [new - old for old, new in zip(self.slow, self.quick, strict=True)]
        both = [(one + other) / 2 for one, other in zip(off[:3], off[3:], strict=True)]
        lean = math.hypot(*both)
        apart = math.dist(off[:3], off[3:])
        leans = self.known_s > _KNOWN_S and lean > _LEAN and apart < _ALIKE * 2 * lean
        self.leant_s = self.leant_s + dt_s if leans else 0.0
        if not leans:
            self.known_s += dt_s
            share = min(dt_s / min(max(self.known_s, dt_s), _SLOW_S), 1.0) if dt_s else 0.0
            self.slow = [old + share * (new - old) for old, new in zip(self.slow, now, strict=True)]

    def settled(self, t_s: float, away_m: float) -> bool:
        """Whether a shift of a while ago has stayed."""
        if self.shifted_from is None or not self.moments:
            return False
        trunk = self.moments[-1][1]
        left_m = math.hypot(trunk[0] - self.shifted_from[0], trunk[1] - self.shifted_from[1]) * away_m
        return left_m > _STAYS * self.shifted_by_m


class CameraMove:
    """`push` a frame's people; it says whether the camera has been moved just now."""

    def __init__(self) -> None:
        self._people: dict[int, _Watched] = {}

    def push(self, t_s: float, people: Mapping[int, tuple[Sequence[Vector], Stance | None]]) -> bool:
        """People by track id: joints (17, 3) in camera axes, and their stance where they stand."""
        self._people = {number: self._people.get(number) or _Watched() for number in people}
        for number, (joints_m, stance) in people.items():
            self._people[number].push(t_s, joints_m, stance)
        known = {number: seen for number, seen in self._people.items() if len(seen.moments) > 2}
        if not known:
            return False
        if all(seen.leant_s > _LEANT_S for seen in known.values()):
            return True
        if not all(_SETTLED_S <= t_s - seen.shifted_s <= 2 * _SETTLED_S for seen in known.values()):
            return False
        return all(seen.settled(t_s, people[number][0][_TRUNK[0]][2]) for number, seen in known.items())


def _ray(point: Sequence[float]) -> Point:
    return point[0] / point[2], point[1] / point[2]
