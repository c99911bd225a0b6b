"""Any camera's clock onto the model's 30 Hz: one `Resampler` a person, before the lifter.

The model has learned what motion looks like at 30 frames a second, so it must be given 30 a second whatever the camera
sends. Slow and jittery cameras get linearly interpolated ticks between frames; frames that come too early are lifted
without being remembered; cameras above 45 fps are split into interleaved phases of about 30 fps, each with a lifter
stream of its own. The clock follows the camera's within 1 %, so that 29.97 fps is one tick a frame.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.contracts import Array

RATE_HZ = 30.0
GAP_NS = 500_000_000  # longer without a frame, or backwards by more: start afresh
MAX_PHASES = 8
_PULL = 0.02  # of the difference between frame and clock, taken over at each tick: follows a clock within 1 %
_RATE_INTERVALS = 60  # frame intervals the camera's rate is estimated from
_MIN_INTERVALS = 6
_PRIMING = 16  # recent frames that a new phase begins with
_LEAVE = 0.8  # a phase goes only when the rate is this many times 30 Hz below the number of phases


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """One push of one lifter stream. `reset`: forget before it. Not `commit`: lift without remembering."""

    phase: int  # which of the person's lifter streams
    rays: Array  # (17, 2), NaN where missing (interpolated: where either neighbour is)
    score: Array  # (17,)
    commit: bool
    reset: bool
    source_ns: int  # the frame's own time, or the interpolated tick's


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    source_ns: int
    rays: Array
    score: Array

    def towards(self, other: _Sample, times_ns: Sequence[int]) -> list[_Sample]:
        """The samples at times between this one and `other`, linearly."""
        if not times_ns:
            return []
        span_ns = other.source_ns - self.source_ns
        weights = np.array([(source_ns - self.source_ns) / span_ns for source_ns in times_ns], np.float32)[:, None]
        rays = self.rays + (other.rays - self.rays) * weights[..., None]
        score = self.score + (other.score - self.score) * weights
        return [_Sample(*sample) for sample in zip(times_ns, rays, score, strict=True)]


class Resampler:
    """Turns one person's frames into ticks; the last tick of a push is always the frame itself, at its own time."""

    def __init__(self, rate_hz: float = RATE_HZ) -> None:
        if not 1 <= rate_hz <= 1000:
            raise ValueError(f"rate_hz must be from 1 to 1000, got {rate_hz}")
        self._period_ns = 1e9 / rate_hz
        self._clocks = [_Clock(0, self._period_ns)]
        self._phase = 0  # of the newest frame
        self._recent: deque[_Sample] = deque(maxlen=_PRIMING)
        self._intervals: deque[int] = deque(maxlen=_RATE_INTERVALS)

    @property
    def phases(self) -> int:
        """Lifter streams in use now. Phases keep their numbers; higher ones come and go with the camera's rate."""
        return len(self._clocks)

    def push(self, source_ns: int, rays: Array, score: Array) -> list[Tick]:
        """One frame with the person in it: rays (17, 2), score (17,). A frame without them is not pushed at all."""
        sample = _Sample(source_ns, np.array(rays, np.float32), np.array(score, np.float32))
        elapsed_ns = source_ns - self._recent[-1].source_ns if self._recent else GAP_NS + 1
        if abs(elapsed_ns) > GAP_NS:
            self._clocks = [_Clock(phase, self._period_ns) for phase in range(self.phases)]
            self._phase = 0
            self._recent.clear()
            ticks = []
        elif elapsed_ns <= 0:  # the same frame again, or out of order
            return [Tick(self._phase, sample.rays, sample.score, False, False, source_ns)]
        else:
            self._intervals.append(elapsed_ns)
            ticks = self._next_phase(sample, elapsed_ns)
        self._recent.append(sample)
        return ticks + self._clocks[self._phase].push(sample)

    def _next_phase(self, sample: _Sample, elapsed_ns: int) -> list[Tick]:
        """Whose turn it is, dropped frames counted; where phases are added, the ticks that prime them."""
        interval_ns = sum(self._intervals) / len(self._intervals)
        ratio = self._period_ns / interval_ns
        if len(self._intervals) >= _MIN_INTERVALS:
            if ratio > self.phases + 0.5 and self.phases < MAX_PHASES:
                return self._add_phases(min(round(ratio), MAX_PHASES), sample)
            if ratio < self.phases - _LEAVE:
                del self._clocks[max(round(ratio), 1) :]
        self._phase = (self._phase + max(round(elapsed_ns / interval_ns), 1)) % self.phases
        return []

    def _add_phases(self, phases: int, sample: _Sample) -> list[Tick]:
        """New phases begin with the recent frames that would have been theirs, so that all have seen about as much."""
        known = self.phases
        self._clocks += [_Clock(phase, self._period_ns) for phase in range(known, phases)]
        self._phase = 0 if self._clocks[0].due(sample.source_ns) else 1
        ticks: list[Tick] = []
        for back, past in reversed(list(enumerate(reversed(self._recent), 1))):
            clock = self._clocks[(self._phase - back) % phases]
            if clock.phase >= known:
                ticks += clock.push(past)
        return ticks


class _Clock:
    """One phase's 30 Hz clock: how many ticks are due when a frame comes."""

    def __init__(self, phase: int, period_ns: float) -> None:
        self.phase = phase
        self._period_ns = period_ns
        self._tick_ns: float | None = None  # ideal time of the last committed tick; None before the first
        self._committed: _Sample  # the last frame remembered; set with the first, like `_last`
        self._last: _Sample

    def due(self, source_ns: int) -> int:
        """Ticks to commit once a frame of this time is there."""
        if self._tick_ns is None:
            return 1
        return math.floor((source_ns - self._tick_ns) / self._period_ns + 0.5)

    def push(self, sample: _Sample) -> list[Tick]:
        if self._tick_ns is None:
            self._tick_ns, self._committed, self._last = float(sample.source_ns), sample, sample
            return [self._tick(sample, True, reset=True)]
        due = self.due(sample.source_ns)
        first, span_ns = self._committed.source_ns, sample.source_ns - self._committed.source_ns
        times_ns = [first + span_ns * i // due for i in range(1, due)]
        ticks = [self._tick(between, True) for between in self._between(times_ns, sample)]
        self._last = sample
        if due > 0:
            self._committed = sample
            self._tick_ns += due * self._period_ns
            self._tick_ns += _PULL * (sample.source_ns - self._tick_ns)
        return [*ticks, self._tick(sample, due > 0)]

    def _between(self, times_ns: Sequence[int], sample: _Sample) -> list[_Sample]:
        """What was seen between the last committed sample and this one, by way of an uncommitted one between."""
        early = bisect_left(times_ns, self._last.source_ns)
        before = self._committed.towards(self._last, times_ns[:early])
        return before + self._last.towards(sample, times_ns[early:])

    def _tick(self, sample: _Sample, commit: bool, reset: bool = False) -> Tick:
        return Tick(self.phase, sample.rays, sample.score, commit, reset, sample.source_ns)
