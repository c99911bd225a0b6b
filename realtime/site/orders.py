"""A supervisor's orders, as the event that a loop looks at."""

from __future__ import annotations

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.link import Link
from realtime.process.stats import Load

TELL_NS = NS_PER_S


class Orders:
    """A supervisor's orders as the event that a loop looks at in every round: the place to beat, too."""

    def __init__(self, link: Link, until: str) -> None:
        """`until`: finishing (no new frames) or stopping."""
        self._link, self._until, self._told_ns = link, until, 0

    def is_set(self) -> bool:
        self._link.beat()
        if monotonic_ns() - self._told_ns > TELL_NS:
            self._told_ns = monotonic_ns()
            self._link.tell(Load.now())
        return bool(getattr(self._link, self._until))
