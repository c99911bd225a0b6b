"""What a server counts and times: plain numbers, read by its status, its log and /metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from realtime.clock import NS_PER_S
from realtime.process.metrics import Percentiles

BOUNDS_MS = (2, 5, 8, 10, 12, 15, 20, 30, 50, 100, 200, 500)  # of the histogram of added latency
_SPAN_NS = NS_PER_S  # over which being busy is measured
_SMOOTH = 0.5  # of each such span in the figure


class Figures:
    """For one thread; others may read it, and see each number as it was a moment ago."""

    def __init__(self, now_ns: int) -> None:
        self.frames = self.left_out = self.rounds = 0
        self.refusals: Counter[str] = Counter()
        self.added_ms = Percentiles(1 << 14)  # from a frame's arrival to its pose's publication
        self.buckets = [0] * (len(BOUNDS_MS) + 1)
        self.added_sum_s = 0.0
        self.busy = 0.0  # part of the time at work, lately
        self.streams = 0
        self._span_ns, self._worked_ns = now_ns, 0

    def published(self, added_ms: float) -> None:
        self.frames += 1
        self.added_ms.add(added_ms)
        self.buckets[bisect_left(BOUNDS_MS, added_ms)] += 1
        self.added_sum_s += added_ms / 1000

    def refused(self, code: str) -> None:
        self.refusals[code] += 1

    def worked(self, start_ns: int, now_ns: int) -> None:
        """Since `start_ns` it was at work; before that it waited."""
        self._worked_ns += now_ns - start_ns
        span_ns = now_ns - self._span_ns
        if span_ns >= _SPAN_NS:
            self.busy += _SMOOTH * (min(1.0, self._worked_ns / span_ns) - self.busy)
            self._span_ns, self._worked_ns = now_ns, 0
