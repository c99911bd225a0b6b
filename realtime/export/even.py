"""Frames of equal length, as most formats know no others; gaps stay gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from realtime.export.recording import Track
from realtime.library.poses import OF_EXTREMITIES

Double = NDArray[np.float64]
RATES_HZ = (1.0, 1000.0)
BRIDGED_S = 0.2  # a longer pause between two frames is a gap
_CLOSE = 1e-3  # of a step: so near to a frame, it is that frame


def own_rate_hz(track: Track) -> float:
    """Of the recording itself, by its median step: a whole number where it is within 2 % of one."""
    if len(track.t_s) < 2:
        return 30.0
    rate = float(1 / np.median(np.diff(track.t_s)))
    rate = round(rate) if round(rate) and abs(rate / round(rate) - 1) < 0.02 else round(rate, 3)
    return min(max(float(rate), RATES_HZ[0]), RATES_HZ[1])


def check_rate(rate_hz: float | None) -> None:
    """Raises UserError for a rate that no file should have."""
    if rate_hz is not None and not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise UserError(f"--rate {rate_hz:g}: give frames a second, from {RATES_HZ[0]:g} to {RATES_HZ[1]:g}")


def even_times(track: Track, rate_hz: float) -> Double:
    """(T,) seconds, from the first frame on."""
    return track.t_s[0] + np.arange(int((track.t_s[-1] - track.t_s[0]) * rate_hz + _CLOSE) + 1) / rate_hz


def evened(track: Track, rate_hz: float) -> Track:
    """`rate_hz` frames a second from the first frame on, each on the line between the two recorded around it."""
    ticks = even_times(track, rate_hz)
    after = np.clip(np.searchsorted(track.t_s, ticks), 0, len(track.t_s) - 1)
    before = np.maximum(after - 1, 0)
    step_s = track.t_s[after] - track.t_s[before]
    share = np.clip((ticks - track.t_s[before]) / np.maximum(step_s, 1e-9), 0, 1)
    near = _CLOSE / np.maximum(step_s * rate_hz, 1)
    share = np.where(share < near, 0.0, np.where(share > 1 - near, 1.0, share))
    lost = (step_s > BRIDGED_S) & (share > 0) & (share < 1)

    def between(values: Double) -> Double:
        weight = share.reshape(-1, *(1,) * (values.ndim - 1))
        # not a sum: a frame beside a gap, met exactly, has nothing of the gap
        mixed = np.where(weight == 0, values[before], values[before] * (1 - weight) + values[after] * weight)
        mixed = np.where(weight == 1, values[after], mixed)
        mixed[lost] = np.nan
        return np.asarray(mixed)

    nearest = np.where(share < 0.5, before, after)
    unseen = track.unseen[nearest] | lost[:, None]
    return Track(
        track.person, track.space, ticks, between(track.joints_m), between(track.sigma_m), unseen,
        **{name: between(values) for name in OF_EXTREMITIES if (values := getattr(track, name)) is not None},
    )  # fmt: skip
