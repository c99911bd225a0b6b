"""What is plotted: people's poses over time, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

GAP_S = 0.25  # nothing of a person for longer, at 30 frames a second: a line is broken there
_GAP_STEPS = 3.5  # of slower recordings as many usual steps


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person, as seen: rows of NaN stand where they were not, so that no line is drawn across."""

    id: int  # as in the stream; several sessions may each have one
    name: str
    t_s: Double  # (T,)
    joints_m: Double  # (T, 17, 3), relative to the hip
    root_m: Double  # (T, 3), NaN where it is not known
    sigma_m: Double  # (T, 17)
    root_sigma_m: Double  # (T,), NaN where it is not known

    @property
    def seen(self) -> int:
        """Rows with a pose."""
        return int(np.isfinite(self.joints_m).all((1, 2)).sum())

    @property
    def placed(self) -> bool:
        """Whether it is known where the person stands."""
        return bool(np.isfinite(self.root_m).any())


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    tracks: tuple[Track, ...]
    space: str  # camera | world
    about: str  # one line: model, engine, scale
    latency_ms: Double | None = None  # (frames,), from grab to message; None: the file does not say


def track(
    number: int, name: str, t_s: Double, joints_m: Floats, root_m: Floats, sigma_m: Floats, root_sigma_m: Floats,
    held: NDArray[np.bool_],
) -> Track:  # fmt: skip
    """A person's rows in the order of time; those that are `held` (T,) only repeat a pose and become NaN.

    Rows of NaN are put in wherever the person is away.
    """
    rows: list[Double] = []
    for values in (joints_m, root_m, sigma_m, root_sigma_m):
        kept = np.array(values, np.float64)
        kept[held] = np.nan
        rows.append(kept)
    steps_s = np.diff(t_s)
    longest_s = max(GAP_S, _GAP_STEPS * float(np.median(steps_s))) if len(steps_s) else GAP_S
    gaps = np.flatnonzero(steps_s > longest_s) + 1
    times_s = np.insert(t_s, gaps, (t_s[gaps - 1] + t_s[gaps]) / 2)
    return Track(number, name, times_s, *(np.insert(values, gaps, np.nan, axis=0) for values in rows))
