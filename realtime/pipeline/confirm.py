"""Who is really there: someone new is shown only once a few frames in a row agree on them."""

from __future__ import annotations

import numpy as np

from realtime.clock import NS_PER_S
from realtime.contracts import Array
from realtime.pipeline.clean import Sighting

CONFIRM_FRAMES = 5  # so many frames in a row ...
CONFIRM_NS = 400_000_000  # ... within so long make a person; of a slower camera as many as fit in, one at the least
CONFIRM_LEAST_NS = 100_000_000  # however fast the camera is
_TRUNK = [0, 1, 4, 7, 8, 9, 11, 14]  # hips, spine, neck, shoulders
_MOST_OF_TRUNK = 4  # at a desk the hips are hidden
_SCORE = 0.3
# How far a trunk may go from frame to frame, in parts of the body's extent: at once, and for each second.
_REACH, _REACH_PER_S = 0.05, 2.0
_USUAL_NS = NS_PER_S / 30


class FrameClock:
    """The usual time between frames, those with nobody in them too."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self.interval_ns = _USUAL_NS

    def tick(self, source_ns: int) -> None:
        gap_ns = 0 if self._last_ns is None else min(source_ns - self._last_ns, NS_PER_S)
        self._last_ns = source_ns
        if gap_ns > 0:  # a camera that is suddenly slow is so; one that lost a frame is not
            self.interval_ns += (1.0 if gap_ns > CONFIRM_NS else 0.1) * (gap_ns - self.interval_ns)


class Confirmation:
    """Of one person. `agrees` with each sighting tells whether it goes on from those before; then see `confirmed`."""

    def __init__(self) -> None:
        self.confirmed = False  # once it is, it stays
        self._run_ns: list[int] = []  # frames in a row that agree
        self._trunk: Array | None = None

    def agrees(self, source_ns: int, sighting: Sighting, interval_ns: float) -> bool:
        """False where somebody unconfirmed is not seen well, or not where they can have gone: they begin anew."""
        if self.confirmed:
            return True
        trunk = _trunk(sighting)
        good = trunk is not None and self._follows(source_ns, trunk, _extent(sighting))
        self._run_ns = [*self._run_ns, source_ns] if good else [source_ns] if trunk is not None else []
        self._trunk = trunk
        self.confirmed = self._enough(source_ns, interval_ns)
        return good

    def _enough(self, source_ns: int, interval_ns: float) -> bool:
        needed = max(1, min(CONFIRM_FRAMES, int(CONFIRM_NS / interval_ns)))
        if len(self._run_ns) < needed:
            return False
        return source_ns - self._run_ns[-needed] <= CONFIRM_NS and (
            needed == 1 or source_ns - self._run_ns[0] >= CONFIRM_LEAST_NS
        )

    def _follows(self, source_ns: int, trunk: Array, extent: float) -> bool:
        """Whether the trunk can have gone from where it was to where it is."""
        if not self._run_ns or self._trunk is None:
            return True
        dt_s = (source_ns - self._run_ns[-1]) / NS_PER_S
        both = np.isfinite(trunk[:, 0]) & np.isfinite(self._trunk[:, 0])
        if not 0 < dt_s <= CONFIRM_NS / NS_PER_S or not both.any():
            return False
        gone = np.linalg.norm(trunk[both] - self._trunk[both], axis=1).mean()
        return bool(gone < (_REACH + _REACH_PER_S * dt_s) * extent)


def _trunk(sighting: Sighting) -> Array | None:
    """(8, 2) its joints, NaN where unseen; None where too few are seen."""
    rays = sighting.rays[_TRUNK].copy()
    seen = np.array(sighting.seen)[_TRUNK] & (sighting.score[_TRUNK] >= _SCORE)
    rays[~seen] = np.nan
    return rays if np.isfinite(rays[:, 0]).sum() >= _MOST_OF_TRUNK else None


def _extent(sighting: Sighting) -> float:
    """The diagonal of what is seen."""
    return float(np.linalg.norm(np.nanmax(sighting.rays, axis=0) - np.nanmin(sighting.rays, axis=0)))
