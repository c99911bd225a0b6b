"""A process of the table as its supervisor sees it, over all its lives, and when it may be started again."""

from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from realtime.clock import NS_PER_S
from realtime.process.link import Failed, Ready
from realtime.process.stats import LifterStats, Load, ProducerStats, SiteStats
from realtime.session.processes import Process


@dataclass(frozen=True, slots=True)
class Restarts:
    """Bounded retry: each failure costs one of `limit`, and each life that works earns them back."""

    limit: int = 5
    earn_s: float = 5.0  # of work, for one failure
    first_wait_s: float = 0.25  # doubled with each failure that has not been earned back
    longest_wait_s: float = 4.0


@dataclass(slots=True, eq=False)
class Child:
    """A process of the table over all its lives."""

    process: Process
    popen: SpawnProcess | None = None
    events: Connection[Any, Any] | None = None
    life: int = 0
    ready: Ready | None = None
    done: bool = False  # ended well, or given up: not to be started again
    failure: Failed | None = None  # of this life
    hung: str | None = None  # why the watchdog ended it
    spent: float = 0.0  # failures that were not earned back
    ready_ns: int = 0  # when this life was ready; 0: it is not
    restart_ns: int | None = None  # when the next life is due
    stats: list[ProducerStats | LifterStats | SiteStats | None] = field(default_factory=list)  # the newest of each life
    load: Load | None = None
    started_ns: int = 0  # this life

    @property
    def latest(self) -> ProducerStats | LifterStats | SiteStats | None:
        """Of this life."""
        return self.stats[-1] if self.stats else None

    def wait_after_failure_s(self, now_ns: int, policy: Restarts) -> float | None:
        """Notes a failure; how long to wait before the next life, or None: it has failed too often."""
        worked_s = (now_ns - self.ready_ns) / NS_PER_S if self.ready_ns else 0.0
        self.spent = max(0.0, self.spent - worked_s / policy.earn_s) + 1
        if self.spent > policy.limit:
            return None
        return min(policy.first_wait_s * 2 ** (self.spent - 1), policy.longest_wait_s)
