"""A person as one camera sees them over time: rays, with the lifted pose where it is known; read at any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
GAP_S = 0.25  # between two frames: nothing is known of the time within a longer one


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Of one person, in the order of time. Axes: T frames, J joints."""

    t_s: Double  # (T,), rising
    rays: Double  # (T, J, 2): x/z, y/z, NaN where missing
    score: Double  # (T, J)
    joints_m: Double  # (T, J, 3): the lifted pose where it is, in camera axes, NaN where there is none

    def at(self, times_s: Double) -> Watched:
        """At other times, by straight lines between frames; NaN and a score of 0 outside, and inside of gaps."""
        after = np.clip(np.searchsorted(self.t_s, times_s), 1, max(len(self.t_s) - 1, 1))
        if len(self.t_s) < 2:
            return self._nowhere(times_s)
        before = after - 1
        span_s = self.t_s[after] - self.t_s[before]
        share = (times_s - self.t_s[before]) / np.where(span_s > 0, span_s, 1.0)
        known = (share >= 0) & (share <= 1) & (span_s > 0) & (span_s <= GAP_S)

        def between(values: Double) -> Double:
            weight = share.reshape(-1, *[1] * (values.ndim - 1))
            mixed = values[before] * (1 - weight) + values[after] * weight
            return np.asarray(np.where(known.reshape(weight.shape), mixed, np.nan))

        score = np.where(known[:, None], np.minimum(self.score[before], self.score[after]), 0.0)
        return Watched(np.asarray(times_s, np.float64), between(self.rays), score, between(self.joints_m))

    def speed(self, times_s: Double, step_s: float = 1 / 60) -> Double:
        """(n, J, 2): how fast rays move at these times, 1/s; NaN where that is not known."""
        ahead, behind = self.at(times_s + step_s).rays, self.at(times_s - step_s).rays
        return np.asarray((ahead - behind) / (2 * step_s))

    def _nowhere(self, times_s: Double) -> Watched:
        count, joints = len(times_s), self.rays.shape[1]
        return Watched(np.asarray(times_s, np.float64), np.full((count, joints, 2), np.nan), np.zeros((count, joints)),
                       np.full((count, joints, 3), np.nan))  # fmt: skip
