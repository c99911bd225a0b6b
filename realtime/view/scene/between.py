"""Pictures between two poses: people go on from the newest pose, a little way, until the next one is here.

The newest pose is drawn the moment it comes. A picture between is drawn only where it is done before the next pose can
be here, so that no pose waits for one.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np

from realtime.clock import NS_PER_S
from realtime.view.scene.figure import Floats
from realtime.view.scene.follow import Figure, Follow

_DISPLAY_S, _DENSEST_S = 1 / 60, 1 / 75  # from one picture to the next
_INTERVALS_S = (1 / 240, 0.25)  # poses this far apart are gone on from; slower streams stand still in between
_STILL_M_S = 0.5  # slower joints hardly go on: their motion is as much the detector's as theirs
_LEAP_M_S = 15.0  # nobody moves so fast: somebody else, or a new place
_ARRIVALS, _DRAWINGS = 15, 10  # how many are remembered


class Pace:
    """When there is time for a picture between two poses. All times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._arrived_ns: int | None = None
        self._began_ns = 0  # the last picture
        self._apart_ns: deque[int] = deque(maxlen=_ARRIVALS)
        self._took_ns: deque[int] = deque(maxlen=_DRAWINGS)

    def arrived(self, now_ns: int) -> None:
        """A pose came, and is drawn now."""
        if self._arrived_ns is not None:
            self._apart_ns.append(now_ns - self._arrived_ns)
        self._arrived_ns = now_ns

    def drew(self, began_ns: int, ended_ns: int) -> None:
        self._began_ns = began_ns
        self._took_ns.append(ended_ns - began_ns)

    def due(self, now_ns: int) -> bool:
        """Whether to draw now: the display wants a picture, and it is done before the next pose at its earliest."""
        wait_ns = self.wait_ns(now_ns)
        return wait_ns is not None and wait_ns <= 0

    def wait_ns(self, now_ns: int) -> int | None:
        """Until a picture is due; None where there is no time for one before the next pose."""
        if self._arrived_ns is None or not self._apart_ns or not self._took_ns:
            return None
        apart_ns = min(self._apart_ns)
        pause_s = max(_DENSEST_S, min(_DISPLAY_S, apart_ns / 2 / NS_PER_S))
        begin_ns = max(now_ns, self._began_ns + int(pause_s * NS_PER_S))
        return begin_ns - now_ns if begin_ns + max(self._took_ns) < self._arrived_ns + apart_ns else None


class Between:
    """Where people are after the newest pose: `update` with each, `at` in between."""

    def __init__(self) -> None:
        self._before: dict[int, Figure] = {}
        self._speeds_m_s: dict[int, Floats] = {}  # by person; who stands still or just came is not in it
        self._now_ns = self._captured_ns = 0
        self._interval_s = 0.0

    def update(self, follow: Follow, captured_ns: int, now_ns: int) -> None:
        """`captured_ns`: when the picture of the pose was taken; `now_ns`: when it came."""
        self._interval_s = (captured_ns - self._captured_ns) / NS_PER_S
        self._captured_ns, self._now_ns = captured_ns, now_ns
        self._speeds_m_s.clear()
        if _INTERVALS_S[0] < self._interval_s < _INTERVALS_S[1]:
            for figure in follow.figures:
                before = self._before.get(figure.person)
                if before is not None and not figure.held and not before.held:
                    speed_m_s = (figure.joints_m - before.joints_m) / self._interval_s
                    if np.abs(speed_m_s).max() < _LEAP_M_S:
                        self._speeds_m_s[figure.person] = _calmed(speed_m_s)
        self._before = {figure.person: figure for figure in follow.figures}

    def at(self, follow: Follow, now_ns: int) -> Follow:
        """The scene as it is now, its target going on with the people: a copy. At most one interval ahead, and slower
        the longer nothing comes."""
        if not self._speeds_m_s:
            return follow
        since_s = min(max((now_ns - self._now_ns) / NS_PER_S, 0.0), self._interval_s)
        ahead_s = self._interval_s * (1 - math.exp(-since_s / self._interval_s))
        figures = [
            replace(figure, joints_m=figure.joints_m + ahead_s * self._speeds_m_s[figure.person])
            if figure.person in self._speeds_m_s else figure for figure in follow.figures
        ]  # fmt: skip
        return follow.seen_later(figures, ahead_s)


def _calmed(speed_m_s: Floats) -> Floats:
    """Fast joints as they are, slow ones slower: (17, 3)."""
    squares = np.sum(speed_m_s**2, axis=1, keepdims=True)
    calmed: Floats = speed_m_s * squares / (squares + _STILL_M_S**2)
    return calmed
