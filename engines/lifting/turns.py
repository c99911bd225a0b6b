"""More streams than an engine takes at once are pushed in turns."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

from engines.backends.base import Float, LimitsBatch
from engines.lifting.poses import LiftedPoses

_log = logging.getLogger("realtime.engines.turns")

Push = Callable[[Sequence[int], Float, Float, Sequence[bool]], LiftedPoses]


class Turns:
    """Knows how many streams `backend` takes at once; says when there are more, and when there are more still."""

    def __init__(self, backend: object) -> None:
        self.limit = backend.max_batch if isinstance(backend, LimitsBatch) else sys.maxsize
        self._most = self.limit

    def push(self, push: Push, output: Callable[[int], LiftedPoses], streams: Sequence[int], rays: Float, score: Float,
             commit: Sequence[bool]) -> LiftedPoses:  # fmt: skip
        """`push` all at once; where they are too many a turn after the other, each row's pose into `output`'s row."""
        if len(streams) <= self.limit:
            return push(streams, rays, score, commit)
        out = output(len(streams))
        if len(streams) > self._most:
            self._most = len(streams)
            _log.warning("the plan takes %d of %d streams at once, they take turns: a plan with --batch 1,%d,%d is"
                         " faster", self.limit, self._most, self._most, self._most)  # fmt: skip
        for first in range(0, len(streams), self.limit):
            turn = slice(first, first + self.limit)
            poses = push(streams[turn], rays[turn], score[turn], commit[turn])
            out.joints_m[turn], out.sigma_m[turn] = poses.joints_m, poses.sigma_m
            out.window_fill[turn] = poses.window_fill
        return out
