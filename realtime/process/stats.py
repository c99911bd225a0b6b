"""What the processes report to the supervisor once a second. Light: the supervisor loads none of their libraries."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

from realtime.clock import monotonic_ns


@dataclass(frozen=True, slots=True)
class Load:
    """What a process has used since it started."""

    cpu_s: float
    rss_mb: float
    at_ns: int

    @classmethod
    def now(cls) -> Load:
        """0 for memory where it cannot be read: a process without a file descriptor to spare goes on all the same."""
        times = os.times()
        try:
            rss_mb = psutil.Process().memory_info().rss / 1e6
        except (OSError, psutil.Error):
            rss_mb = 0.0
        return cls(times.user + times.system, rss_mb, monotonic_ns())


@dataclass(frozen=True, slots=True)
class ProducerStats:
    """Counts since this process was started."""

    frames: int  # written to the ring
    with_person: int
    dropped: int  # frames the source lost or skipped, since the session began
    fps: float  # now
    mean_fps: float  # from the first frame written to the last
    load: Load


@dataclass(frozen=True, slots=True)
class SiteStats:
    """Counts of the lifter of several cameras since this process was started."""

    published: dict[str, int]  # frames, by stream
    engine: str
    model: str
    load: Load


@dataclass(frozen=True, slots=True)
class LifterStats:
    """Counts since this process was started."""

    published: int  # frames
    with_person: int  # frames with somebody seen in them
    lost: int  # records overwritten before they were read, or too old to publish
    reprimed: int  # frames of history this process began with
    fps: float
    mean_fps: float
    engine: str
    model: str
    recent_ms: dict[str, float]  # stage -> median of the last seconds
    stages_ms: dict[str, dict[str, float]]  # stage -> p50, p99 of this process's life
    load: Load
    people: int = 0  # in the newest pose, held ones too
