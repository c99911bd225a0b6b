"""What a session holds of the machine: memory, descriptors, shared memory; and whether it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.chaos.target import Target
from realtime.clock import monotonic_ns

WARM_UP = 0.2  # of a run: before it memory still settles


@dataclass(frozen=True, slots=True)
class Footprint:
    at_ns: int  # monotonic
    supervisor_rss: int  # bytes; it alone lives as long as the session
    rss: int  # bytes, of the supervisor and its processes together
    supervisor_descriptors: int
    descriptors: int
    segments: int


def measure(target: Target) -> Footprint:
    """Of a session in which nothing is being started. Raises psutil.NoSuchProcess where something ends meanwhile."""
    everybody = target.everybody()
    rss = [process.memory_info().rss for process in everybody]
    descriptors = [process.num_fds() for process in everybody]
    segments = len(target.shared_memory())
    return Footprint(monotonic_ns(), rss[0], sum(rss), descriptors[0], sum(descriptors), segments)


def slope_mb_per_h(footprints: Sequence[Footprint], quantity: str) -> float | None:
    """By a straight line through what was measured after the warm-up; None: too few to tell."""
    settled = footprints[int(WARM_UP * len(footprints)) :]
    if len(settled) < 3:
        return None
    hours = np.array([footprint.at_ns for footprint in settled], np.float64) / 3.6e12
    megabytes = np.array([getattr(footprint, quantity) for footprint in settled]) / 1e6
    return float(np.polyfit(hours - hours[0], megabytes, 1)[0])
