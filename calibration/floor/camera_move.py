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

_STEP_S = 0.1  # between the moments that are remembered
_BACK_S = 0.28  # now is compared with so long ago: a walker's slower foot has gone 0.1 m by then
_MOMENTS = 5
_LEAST_M = 0.2
_ONE_WAY = 0.8  # everyone's slower foot goes the way that they go on average (a cosine)
_AS_TRUNK = 0.6  # of one person alone the trunk goes about as far as the slower foot
_LASTS_S, _LASTS_ALONE_S = 0.13, 0.3
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
        self.shift: tuple[Point, Point] | None = None  # of the slower foot and the trunk, over the last moments
        self.now: Point = (0.0, 0.0)  # where the trunk is seen, and where it was
        self.before: Point = (0.0, 0.0)
        self.away_m = 1.0
        self.moments: deque[tuple[float, Point, Point, Point]] = deque(maxlen=_MOMENTS)  # time, trunk, ankles
        self.quick: list[float] = []  # legs and trunk, six numbers
        self.slow: list[float] = []
        self.known_s = 0.0
        self.leant_s = 0.0

    def push(self, t_s: float, joints_m: Sequence[Vector], stance: Stance | None) -> None:
        dt_s = t_s - self.t_s
        if not 0 < dt_s <= GAP_S:
            self._begin()
            dt_s = 0.0
        self.t_s = t_s
        trunk = _ray([sum(joints_m[joint][axis] for joint in _TRUNK) for axis in range(3)])
        left, right = (_ray(joints_m[ankle]) for ankle in ANKLES)
        self.away_m = sum(joints_m[joint][2] for joint in _TRUNK) / len(_TRUNK)
        then = next((moment for moment in reversed(self.moments) if t_s - moment[0] >= _BACK_S), None)
        self.shift = None if then is None else _shift((trunk, left, right), then[1:])
        self.now, self.before = trunk, trunk if then is None else then[1]
        if not self.moments or t_s - self.moments[-1][0] >= _STEP_S - 1e-3:
            self.moments.append((t_s, trunk, left, right))
        if stance is not None:
            self._lean([*stance.legs, *stance.trunk], dt_s)

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


class CameraMove:
    """`push` a frame's people; it says whether the camera has been moved just now."""

    def __init__(self) -> None:
        self._people: dict[int, _Watched] = {}
        self._t_s = -math.inf
        self._goes_s = 0.0
        self._pending: _Shifted | None = None

    def push(self, t_s: float, people: Mapping[int, tuple[Sequence[Vector], Stance | None]]) -> bool:
        """People by track id: joints (17, 3) in camera axes, and their stance where they stand."""
        dt_s, self._t_s = min(max(t_s - self._t_s, 0.0), _STEP_S), t_s
        self._people = {number: self._people.get(number) or _Watched() for number in people}
        for number, (joints_m, stance) in people.items():
            self._people[number].push(t_s, joints_m, stance)
        known = {number: seen for number, seen in self._people.items() if seen.shift is not None}
        if not known:
            return False
        self._goes_s = self._goes_s + dt_s if _all_go(list(known.values())) else 0.0
        lasts_s = _LASTS_S if len(known) > 1 else _LASTS_ALONE_S
        if self._pending is None and self._goes_s > lasts_s:
            self._pending = _Shifted(t_s, {number: (seen.before, seen.now) for number, seen in known.items()})
        return self._has_stayed(t_s) or all(seen.leant_s > _LEANT_S for seen in known.values())

    def _has_stayed(self, t_s: float) -> bool:
        """Whether a shift of a while ago is still there: of those in view, on average, the way it went."""
        pending = self._pending
        if pending is None or t_s - pending.at_s < _SETTLED_S:
            return False
        self._pending = None
        still, went = 0.0, 0.0
        for number, (before, after) in pending.trunks.items():
            seen = self._people.get(number)
            if seen is not None:
                way = after[0] - before[0], after[1] - before[1]
                went += math.hypot(*way)
                still += _along((seen.now[0] - before[0], seen.now[1] - before[1]), way)
        return went > 0 and still > _STAYS * went


class _Shifted:
    """When everyone shifted, and where each one's trunk was before and after."""

    def __init__(self, at_s: float, trunks: dict[int, tuple[Point, Point]]) -> None:
        self.at_s, self.trunks = at_s, trunks


def _all_go(people: Sequence[_Watched]) -> bool:
    """Whether even everyone's slower foot goes, and all of them one way: nearly all, where there are many."""
    shifts = [(seen.shift, seen.away_m) for seen in people if seen.shift is not None]
    ways = [slower for (slower, _), _ in shifts]
    mean = sum(way[0] for way in ways) / len(ways), sum(way[1] for way in ways) / len(ways)
    going = [
        math.hypot(*slower) * away_m > _LEAST_M and _along(slower, mean) > _ONE_WAY * math.hypot(*slower)
        for (slower, _), away_m in shifts
    ]
    if len(going) > 1:
        return sum(going) >= len(going) - len(going) // 4
    (slower, trunk), away_m = shifts[0]
    far, trunk_far = math.hypot(*slower), math.hypot(*trunk)
    alike = _AS_TRUNK * trunk_far < far < trunk_far / _AS_TRUNK and _along(trunk, slower) > _ONE_WAY * trunk_far
    return going[0] and trunk_far * away_m > _LEAST_M and alike


def _shift(now: tuple[Point, Point, Point], then: Sequence[Point]) -> tuple[Point, Point]:
    """How the slower foot went, and the trunk."""
    trunk, *ankles = ((a[0] - b[0], a[1] - b[1]) for a, b in zip(now, then, strict=True))
    return min(ankles, key=lambda ankle: math.hypot(*ankle)), trunk


def _along(way: Point, other: Point) -> float:
    """As much of `way` as goes the other way."""
    far = math.hypot(*other)
    return (way[0] * other[0] + way[1] * other[1]) / far if far else 0.0


def _ray(point: Sequence[float]) -> Point:
    return point[0] / point[2], point[1] / point[2]
