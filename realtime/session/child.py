"""A process of the table as its supervisor sees it, over all its lives, and when it may be started again."""

from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from realtime.clock import NS_PER_S
from realtime.process.link import Failed, Ready
from realtime.process.stats import LifterStats, Load, ProducerStats
from realtime.session.processes import Process


@dataclass(frozen=True, slots=True)
class Restarts:
    """Bounded retry: after `limit` failures within `window_s` a process is given up."""

    limit: int = 5
    window_s: float = 60.0
    first_wait_s: float = 0.25  # doubled with each failure in the window
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
    failures_ns: list[int] = field(default_factory=list)
    restart_ns: int | None = None  # when the next life is due
    stats: list[ProducerStats | LifterStats | None] = field(default_factory=list)  # the newest of each life
    load: Load | None = None
    started_ns: int = 0  # this life

    @property
    def latest(self) -> ProducerStats | LifterStats | None:
        """Of this life."""
        return self.stats[-1] if self.stats else None

    def wait_after_failure_s(self, now_ns: int, policy: Restarts) -> float | None:
        """Notes a failure; how long to wait before the next life, or None: it has failed too often."""
        recent = [at for at in self.failures_ns if now_ns - at < policy.window_s * NS_PER_S]
        self.failures_ns = [*recent, now_ns]
        if len(self.failures_ns) > policy.limit:
            return None
        return min(policy.first_wait_s * 2 ** len(recent), policy.longest_wait_s)
