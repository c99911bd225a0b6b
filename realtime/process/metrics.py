"""Latency percentiles and rates of a running process, kept in memory that was set aside at the start."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_CAPACITY = 1 << 16  # values kept per stage: half an hour at 30 fps
_RECENT = 150  # values behind the figures of the status line: five seconds at 30 fps


class Percentiles:
    """Exact percentiles of the last `capacity` values."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._values = np.empty(capacity, np.float32)
        self.count = 0

    def add(self, value: float) -> None:
        self._values[self.count % len(self._values)] = value
        self.count += 1

    def at(self, percents: Iterable[float], recent: int | None = None) -> list[float]:
        """Of all values kept, or of the `recent` last ones. NaN where there is none."""
        kept = min(self.count, len(self._values))
        if kept == 0:
            return [float("nan") for _ in percents]
        end = self.count % len(self._values) or kept
        if recent is None or recent >= kept:
            values = self._values[:kept]
        else:
            values = self._values[np.arange(end - recent, end) % len(self._values)]
        return [float(v) for v in np.percentile(values, list(percents))]


class Stages:
    """One `Percentiles` per stage of the line, in milliseconds."""

    def __init__(self, names: Iterable[str], capacity: int = _CAPACITY) -> None:
        self._stages = {name: Percentiles(capacity) for name in names}

    def add(self, **ms: float) -> None:
        """Raises KeyError for a stage that was not announced."""
        for name, value in ms.items():
            self._stages[name].add(value)

    def recent(self) -> dict[str, float]:
        """stage -> median of the last seconds; stages without a value are left out."""
        return {name: round(stage.at((50,), _RECENT)[0], 3) for name, stage in self._stages.items() if stage.count}

    def summary(self) -> dict[str, dict[str, float]]:
        """stage -> {"p50", "p99"} of the whole run; stages without a value are left out."""
        figures = {name: stage.at((50, 99)) for name, stage in self._stages.items() if stage.count}
        return {name: {"p50": round(p50, 3), "p99": round(p99, 3)} for name, (p50, p99) in figures.items()}


class Rate:
    """Events a second: over the last ones, and from the first to the last."""

    def __init__(self, window: int = 30) -> None:
        self._times_ns = np.zeros(window, np.int64)
        self._first_ns = 0
        self.count = 0

    def tick(self, now_ns: int) -> None:
        if self.count == 0:
            self._first_ns = now_ns
        self._times_ns[self.count % len(self._times_ns)] = now_ns
        self.count += 1

    def recent(self, now_ns: int) -> float:
        """Falls towards zero while nothing comes."""
        kept = min(self.count, len(self._times_ns))
        if kept < 2:
            return 0.0
        newest = int(self._times_ns[(self.count - 1) % len(self._times_ns)])
        oldest = int(self._times_ns[(self.count - kept) % len(self._times_ns)])
        period_ns = (newest - oldest) / (kept - 1)
        return 1e9 / max(period_ns, now_ns - newest, 1)

    def mean(self) -> float:
        if self.count < 2:
            return 0.0
        newest = int(self._times_ns[(self.count - 1) % len(self._times_ns)])
        return (self.count - 1) * 1e9 / max(newest - self._first_ns, 1)
