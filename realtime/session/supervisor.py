"""A session of one source: producer, lifter and viewer around one ring, from the first start to an end in good order.

Every process sets itself up; when all are ready (or have failed), the producer goes; when it is done, the ring is
finished and the lifter brings what is left to its end; then all are stopped. An order from outside (a signal,
`--duration`) finishes the producer, and the rest follows the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import RunConfig
from realtime.session.child import Restarts
from realtime.session.keeper import Keeper
from realtime.session.memory import Memory
from realtime.session.processes import PROCESSES, Process

_READY_TIMEOUT_S = 20.0  # the producer goes without a window that is not ready by then

log = logging.getLogger("realtime.supervisor")


class Supervisor(Keeper):
    """Owns the ring too. A context manager: leaving it leaves nothing running."""

    def __init__(
        self, config: RunConfig, processes: Sequence[Process] = PROCESSES, restarts: Restarts | None = None
    ) -> None:
        """Raises UserError where there is no shared memory."""
        super().__init__(processes, restarts)
        self._config = config
        self._memory = Memory(self._doorbell, pictures="viewer" in self.children)
        self.ring = self._memory.ring
        self._finishing_ns = 0

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        super().__exit__(kind, exc, tb)
        self._memory.close()

    @property
    def source_ended(self) -> bool:
        """By itself, and not by an order."""
        limit = self._config.frames
        return self.children["producer"].done and not self._finishing_ns and (limit is None or self.ring.head < limit)

    def _told(self, name: str) -> tuple[object, str]:
        return self._config, self.ring.name

    def _let_go(self) -> None:
        """The producer waits for the others, so that nobody misses the beginning."""
        if self.went_ns is None:
            waiting = [child for child in self.children.values() if child.ready is None and not child.done]
            late = monotonic_ns() - self._started_ns > _READY_TIMEOUT_S * NS_PER_S
            film = self._config.view.render is not None
            needed = [child for child in waiting if child.process.essential or film]
            if not waiting or (late and not needed):
                self.board.go()
                self.went_ns = monotonic_ns()

    def _finish_in_order(self) -> None:
        now_ns = monotonic_ns()
        self._finish_when_due(now_ns, self._config.duration_s)
        if self.board.finishing:
            self._finishing_ns = self._finishing_ns or now_ns
            if self.went_ns is None:  # no frame yet, so nothing to bring to its end
                self.board.stop()
                return
            self._finish_producer(now_ns - self._finishing_ns)
        if self.children["producer"].done and not self.ring.finished:
            self.ring.finish()

    def _finish_producer(self, since_ns: int) -> None:
        """After an order. The lifter's grace begins where the producer's ends."""
        producer, lifter = self.children["producer"].process, self.children["lifter"].process
        child = self.children["producer"]
        if child.popen is None:
            child.done, child.restart_ns = True, None
        elif since_ns > producer.grace_s * NS_PER_S:
            log.warning("the producer did not stop in %g s and was killed", producer.grace_s)
            child.popen.kill()
            child.popen.join()
            self._bury(child)
            child.done = True
        if since_ns > (producer.grace_s + lifter.grace_s) * NS_PER_S:
            self.board.stop()

    def _over(self) -> bool:
        return self.board.stopping or self.children["lifter"].done
