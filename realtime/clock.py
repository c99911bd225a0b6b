"""The only place that reads clocks: monotonic for latencies, Unix for the wire.

`time.monotonic_ns()` is one clock for every process of a machine, so a stamp taken in one process can be compared
in another. It means nothing on another machine: what goes on the wire is converted to Unix time here.
"""

from __future__ import annotations

import math
import time

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def monotonic_ns() -> int:
    return time.monotonic_ns()


def deadline_ns(seconds: float | None) -> int | None:
    """The monotonic time so far from now; None and what is not finite: never."""
    return None if seconds is None or not math.isfinite(seconds) else monotonic_ns() + int(seconds * NS_PER_S)


def unix_ns() -> int:
    return time.time_ns()


def to_unix_ns(stamp_ns: int) -> int:
    """A monotonic stamp as Unix time, by the offset between the two clocks right now.

    The offset is read afresh each time: the wall clock may be set while a session runs.
    """
    return time.time_ns() - time.monotonic_ns() + stamp_ns


def from_unix_ns(time_ns: int) -> int:
    """A Unix time of this machine as a monotonic stamp, by the offset between the two clocks right now."""
    return time_ns - time.time_ns() + time.monotonic_ns()


def elapsed_ms(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / NS_PER_MS
