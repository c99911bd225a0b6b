"""A foot that rests in the picture rests in the room: it holds the root still, and itself.

Depths are the uncertain part of a root and of an ankle, and they tremble. While an ankle's keypoint stays where it is,
so does the ankle: the root is corrected by as much as the ankle would have moved, and the ankle by what is left. When
the foot leaves, the corrections fade. Plain numbers: see calibration.person.root.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from calibration.person.body_scale import ANKLES

Real = NDArray[np.floating[Any]]
Point = tuple[float, float, float]
GAP_S: Final = 0.5
# Across the view: a foot slower than the first comes to rest; one faster than the second, or so far from its place,
# leaves. Detections tremble by a centimetre or two, so speeds and places are averaged.
_SETTLES_M_S: Final = 0.25
_LEAVES_M_S: Final = 0.6
_LEAVES_M: Final = 0.05
_SPEED_S: Final = 0.1
_PLACE_S: Final = 0.3
# What an ankle rests against follows where its leg has it, so slowly: of who stands, and of who walks on meanwhile.
_GIVES_S: Final = 1.7
_GIVES_WALKING_S: Final = 0.3
_SETTLED_NS: Final = 1_000_000_000  # the first poses of a person are still on their way to where they belong
_TREMBLES_M: Final = 0.1  # further off, it is not the tremble of a depth, and gives way the sooner
_FURTHEST_M: Final = 0.05  # that an ankle is from where its leg has it
_FADE_S: Final = 0.22
_NONE: Point = (0.0, 0.0, 0.0)


class RestingFeet:
    """Of one person. `rigid`: their bones are kept as they are, and the root alone is held."""

    def __init__(self, rigid: bool = False) -> None:
        self._rigid = rigid
        self._t_ns = self._begun_ns = 0
        self._begin()

    def _begin(self) -> None:
        self._rays: dict[int, list[float]] = {}  # of the ankles in the frame before
        self._speeds: dict[int, tuple[float, float]] = {}  # across the view, in rays a second
        self._rest_at: dict[int, tuple[float, float]] = {}  # the mean ray of each resting one
        self._anchors: dict[int, Point] = {}  # where the resting ones are
        self._correction = _NONE  # of the root
        self._pulls: dict[int, Point] = {}  # of the ankles about their legs

    def hold(
        self, t_ns: int, root_m: tuple[float, ...], pose_m: Real, rays: Real, seen: tuple[bool, ...]
    ) -> tuple[Point, Real]:
        """The root (3,) and the pose (17, 3) about it, corrected; rays (17, 2), all of the moment `t_ns`."""
        dt_s, (x, y, z) = (t_ns - self._t_ns) * 1e-9, root_m
        self._t_ns = t_ns
        if not 0 < dt_s <= GAP_S or not math.isfinite(x + y + z):
            self._begin()
            self._begun_ns, dt_s = t_ns, 0.0
            if not math.isfinite(x + y + z):
                return (x, y, z), pose_m
        own = {ankle: _plus((x, y, z), pose_m[ankle].tolist()) for ankle in ANKLES}
        resting = [ankle for ankle in ANKLES if self._rests(ankle, own[ankle][2], rays, seen, dt_s)]
        stands = len(resting) == len(ANKLES) and t_ns - self._begun_ns > _SETTLED_NS
        gives_s = _GIVES_S if stands else _GIVES_WALKING_S
        fade = max(1 - dt_s / _FADE_S, 0.0)
        holds = {ankle: _holds(self._anchors.get(ankle, own[ankle]), own[ankle], dt_s, gives_s) for ankle in ANKLES}
        wanted = [
            _times(holds[ankle], _minus(self._anchors[ankle], own[ankle]))
            for ankle in resting if ankle in self._anchors
        ]
        if wanted:
            self._correction = _times(1 / len(wanted), tuple(map(sum, zip(*wanted))))  # type: ignore[arg-type]
        else:
            self._correction = _times(fade, self._correction)
        for ankle in ANKLES:
            self._pulls[ankle] = self._pull(ankle, own[ankle], ankle in resting, fade, holds[ankle])
        pulled = [ankle for ankle in ANKLES if self._pulls[ankle] != _NONE and not self._rigid]
        if pulled:
            pose_m = pose_m.copy()
            for ankle in pulled:
                pose_m[ankle] += np.array(self._pulls[ankle], pose_m.dtype)
        return _plus((x, y, z), self._correction), pose_m

    def _pull(self, ankle: int, own: Point, rests: bool, fade: float, holds: float) -> Point:
        """How far the ankle is drawn from where its leg has it, the root being corrected; moves the anchor on."""
        at = _plus(own, self._correction)
        if not rests:
            self._anchors.pop(ankle, None)
            return _times(fade, self._pulls.get(ankle, _NONE))
        anchor = self._anchors.get(ankle, _plus(at, self._pulls.get(ankle, _NONE)))
        pull = _minus(_times(holds, _minus(anchor, own)), self._correction)
        far = math.hypot(*pull)
        pull = _times(min(_FURTHEST_M / far, 1.0), pull) if far else pull
        self._anchors[ankle] = _plus(at, pull)
        return pull

    def _rests(self, ankle: int, away_m: float, rays: Real, seen: tuple[bool, ...], dt_s: float) -> bool:
        """Whether the ankle's keypoint stays where it is, so far away."""
        before, now = self._rays.get(ankle), rays[ankle].tolist()
        self._rays[ankle] = now
        if before is None or not seen[ankle] or not math.isfinite(now[0] + now[1] + before[0] + before[1]):
            self._speeds.pop(ankle, None)
            self._rest_at.pop(ankle, None)
            return False
        share = min(dt_s / _SPEED_S, 1.0)
        across = (now[0] - before[0]) / dt_s, (now[1] - before[1]) / dt_s
        old = self._speeds.get(ankle, across)
        self._speeds[ankle] = old[0] + share * (across[0] - old[0]), old[1] + share * (across[1] - old[1])
        speed_m_s = math.hypot(*self._speeds[ankle]) * away_m
        at = self._rest_at.get(ankle)
        if at is None:
            if speed_m_s < _SETTLES_M_S:
                self._rest_at[ankle] = now[0], now[1]
        elif speed_m_s > _LEAVES_M_S or math.hypot(now[0] - at[0], now[1] - at[1]) * away_m > _LEAVES_M:
            del self._rest_at[ankle]
        else:
            share = min(dt_s / _PLACE_S, 1.0)
            self._rest_at[ankle] = at[0] + share * (now[0] - at[0]), at[1] + share * (now[1] - at[1])
        return ankle in self._rest_at


def _holds(anchor: Point, own: Point, dt_s: float, gives_s: float) -> float:
    """How much of the way from where its leg has the ankle to its anchor is kept."""
    sooner = 1 + (math.dist(anchor, own) / _TREMBLES_M) ** 2
    return math.exp(-dt_s / max(gives_s / sooner, _FADE_S))


def _plus(one: Point, other: Point | list[float]) -> Point:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _minus(one: Point, other: Point) -> Point:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _times(share: float, one: Point) -> Point:
    return share * one[0], share * one[1], share * one[2]
