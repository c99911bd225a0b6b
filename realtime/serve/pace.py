"""How much work a stream may ask for: as much as one camera gives, whatever it sends."""

from __future__ import annotations

from realtime.clock import NS_PER_S
from realtime.pipeline.resample import GAP_NS, RATE_HZ

_ANEW = 8.0  # steps that a person costs whose stream begins anew: its memory is filled
_SAVED_S = 1.0  # what was not asked for may be asked for later, so much of it


class Pace:
    """A bucket of model steps: a frame costs one, or as many as the source's time that it covers."""

    def __init__(self, steps_per_s: float, now_ns: int) -> None:
        self._steps_per_s = steps_per_s
        self._left, self._since_ns = steps_per_s * _SAVED_S, now_ns
        self._source_ns: int | None = None

    def takes(self, source_ns: int, now_ns: int) -> bool:
        """Whether a frame of this time on the source's clock may be worked on now."""
        earned = (now_ns - self._since_ns) / NS_PER_S * self._steps_per_s
        self._left, self._since_ns = min(self._left + earned, self._steps_per_s * _SAVED_S), now_ns
        elapsed_ns = GAP_NS + 1 if self._source_ns is None else source_ns - self._source_ns
        cost = _ANEW if abs(elapsed_ns) > GAP_NS else max(1.0, round(elapsed_ns / NS_PER_S * RATE_HZ))
        if self._left < cost:
            return False
        self._left -= cost
        self._source_ns = source_ns
        return True
