"""Keeps processes: starts them, hears them, watches their hearts, starts again what fails, ends all of them.

What a session waits for, and in which order it ends, says who inherits this. Nothing outlives the keeper: see
`processes.enter` for what happens when it is killed.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import TYPE_CHECKING

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.board import Board
from realtime.process.doorbell import Doorbell
from realtime.process.link import Failed, Link, LogLine, Ready
from realtime.process.signals import held_back, ordering
from realtime.process.states import FAILED, RESTARTING, RUNNING, STARTING, STOPPED
from realtime.process.stats import LifterStats, Load, ProducerStats, SiteStats
from realtime.session.child import Child, Restarts
from realtime.session.processes import Process, enter
from realtime.session.watchdog import Watchdog

if TYPE_CHECKING:
    from typing_extensions import Self

_POLL_S = 0.1

log = logging.getLogger("realtime.supervisor")


class Keeper(ABC):
    """Owns the processes and their links. A context manager: leaving it leaves nothing running."""

    def __init__(self, processes: Sequence[Process], restarts: Restarts | None = None) -> None:
        self._restarts = restarts or Restarts()
        self._context = multiprocessing.get_context("spawn")
        self.children = {process.name: Child(process) for process in processes}
        self.board = Board(self._context, list(self.children))
        self._watchdog = Watchdog(self.board)
        self._doorbell = Doorbell()
        self._started_ns = monotonic_ns()
        self.went_ns: int | None = None  # when the producers were let go
        self._hurry = False
        self.interrupted = False  # by Ctrl-C
        self._fatal: UserError | None = None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.board.stop()
        for child in self.children.values():
            if child.popen is not None:
                self._end(child, 0.0 if self._hurry or exc is not None else child.process.grace_s)
        self._doorbell.close()

    def run(self, on_round: Callable[[Self], None]) -> None:
        """Until the session is over; `on_round` is called ten times a second. Raises the UserError that ended it."""
        with ordering(self._ordered, self.board.finish):
            self._start_all()
            while not self._over():
                self._listen()
                self._let_go()
                self._watch()
                self._finish_in_order()
                on_round(self)
            self._stop_all()
            on_round(self)
        if self._fatal is not None:
            raise self._fatal

    def finish(self) -> None:
        """Orders the end: no new frames. A second order stops at once."""
        if self.board.finishing:
            self._hurry = True
            self.board.stop()
        self.board.finish()

    @property
    def finishing(self) -> bool:
        """Whether the end was ordered."""
        return self.board.finishing

    @property
    def hurried(self) -> bool:
        """Whether it was ordered twice, so that nothing was brought to its end."""
        return self._hurry

    @property
    def restarted(self) -> int:
        return sum(child.life for child in self.children.values())

    @abstractmethod
    def _told(self, name: str) -> tuple[object, str]:
        """What a process is told: its configuration, and the name of its ring."""

    @abstractmethod
    def _over(self) -> bool: ...

    @abstractmethod
    def _let_go(self) -> None:
        """Lets the producers begin, once who must see the beginning is there."""

    @abstractmethod
    def _finish_in_order(self) -> None:
        """Once an end was ordered: who ends before whom."""

    def _finish_when_due(self, now_ns: int, duration_s: float | None) -> None:
        """Orders the end so long after the producers were let go."""
        if duration_s is not None and self.went_ns is not None and now_ns - self.went_ns >= duration_s * NS_PER_S:
            self.board.finish()

    def _ordered(self, number: int) -> None:
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.finish()

    def _start_all(self) -> None:
        for child in self.children.values():
            if not self.board.finishing:
                self._start(child)

    def _stop_all(self) -> None:
        self.board.stop()
        for child in self.children.values():
            if child.popen is not None:
                self._end(child, child.process.grace_s)

    # ---- one process ----

    def _start(self, child: Child) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        name = child.process.name
        self.board.disarm(name)
        config, ring_name = self._told(name)
        link = Link(name, child.life, self.board, sender, ring_name, self._doorbell)
        level = logging.getLogger("realtime").getEffectiveLevel()
        popen = self._context.Process(target=enter, args=(child.process, link, config, level), name=name)
        with held_back():  # so that a Ctrl-C during its first moments is ours alone
            popen.start()
        sender.close()
        child.popen, child.events, child.ready, child.failure, child.restart_ns = popen, receiver, None, None, None
        child.started_ns, child.ready_ns = monotonic_ns(), 0
        child.stats.append(None)
        self.board.tell_work(name, RUNNING, "")
        if not child.life:
            self.board.tell_life(name, STARTING, "started")
        log.debug("%s started (pid %d)", name, popen.pid)

    def _end(self, child: Child, grace_s: float) -> None:
        """Waits for a process that was told to stop, kills it after the grace, and hears its last words.

        One that is not ready yet has nothing to bring to an end: it is not waited for.
        """
        assert child.popen is not None
        grace_s = grace_s if child.ready else 0.0
        since_ns = monotonic_ns()
        while child.popen.is_alive() and monotonic_ns() - since_ns < grace_s * NS_PER_S and not self._hurry:
            self._hear(child, _POLL_S)
            if child.process.finishes:
                since_ns = max(since_ns, self.board.last_beat_ns(child.process.name))
        if child.popen.is_alive():
            if grace_s and not self._hurry:
                log.warning("the %s did not stop in %g s and was killed", child.process.name, grace_s)
            elif child.ready:
                log.warning("the %s was killed: it was to stop at once", child.process.name)
            child.popen.kill()
        child.popen.join()
        self._bury(child)

    def _bury(self, child: Child) -> None:
        assert child.popen is not None
        assert child.events is not None
        self._hear(child, 0)
        child.events.close()
        child.popen.close()
        child.popen = child.events = None
        self.board.disarm(child.process.name)

    def _hear(self, child: Child, timeout_s: float) -> None:
        """Takes what the process has said."""
        assert child.events is not None
        with contextlib.suppress(EOFError, OSError):  # it has ended: its exit code is dealt with elsewhere
            while child.events.poll(timeout_s):
                self._take(child, child.events.recv())
                timeout_s = 0

    def _take(self, child: Child, event: object) -> None:
        if isinstance(event, Ready):
            child.ready, child.ready_ns = event, monotonic_ns()
            again = "started again" if child.life else "ready"
            self.board.tell_life(child.process.name, RUNNING, again, child.life)
            log.info("%s ready: %s", child.process.name, event.text)
        elif isinstance(event, Failed):
            child.failure = event
        elif isinstance(event, LogLine):
            logging.getLogger(event.name).log(event.level, "%s", event.text)
        elif isinstance(event, Load):
            child.load = event
        elif isinstance(event, ProducerStats | LifterStats | SiteStats):
            child.stats[-1], child.load = event, event.load

    # ---- all of them ----

    def _listen(self) -> None:
        running = [child for child in self.children.values() if child.popen is not None]
        ends = [child.popen.sentinel for child in running if child.popen is not None]
        wait([*ends, *(child.events for child in running if child.events is not None)], _POLL_S)
        for child in running:
            self._hear(child, 0)
            assert child.popen is not None
            if child.popen.exitcode is not None:
                self._ended(child, child.popen.exitcode)

    def _ended(self, child: Child, exit_code: int) -> None:
        self._bury(child)
        name, failure = child.process.name, child.failure
        if exit_code == 0:
            child.done = True
            self.board.tell_life(name, STOPPED, "ended", child.life)
            if not child.process.essential and not self.board.stopping:
                self._tell_closed(name)
        elif failure is not None and failure.user_error:
            self._give_up(child, failure.text)
        else:
            why = failure.text if failure else f"it ended with code {exit_code}"
            if not self.board.finishing:
                self._plan_restart(child, why)
                return
            child.done = True
            if not self.board.stopping:
                log.warning("the %s failed while the session was ending (%s)", name, why)

    def _tell_closed(self, name: str) -> None:
        """A process that others can do without has ended well."""
        log.info("the %s was closed; the stream goes on (Ctrl-C ends it)", name)

    def _plan_restart(self, child: Child, why: str) -> None:
        now_ns, why = monotonic_ns(), child.hung or why
        wait_s, child.hung = child.wait_after_failure_s(now_ns, self._restarts), None
        if wait_s is None:
            times = f"{self._restarts.limit + 1} times in a row"
            self._give_up(child, f"the {child.process.name} failed {times} ({why}): run with --verbose to see more")
            return
        log.warning("the %s failed (%s): starting it again in %.2g s", child.process.name, why, wait_s)
        self.board.tell_life(child.process.name, RESTARTING, why, child.life + 1)
        child.restart_ns = now_ns + int(wait_s * NS_PER_S)

    def _give_up(self, child: Child, why: str) -> None:
        child.done = True
        self.board.tell_life(child.process.name, FAILED, why, child.life)
        if child.process.essential or (child.process.must_start and self.went_ns is None):
            self._fatal = self._fatal or UserError(why)
            self.board.stop()
        else:
            log.warning("no %s: %s", child.process.name, why)

    def _watch(self) -> None:
        self._watchdog.begin_round()
        now_ns = monotonic_ns()
        for child in self.children.values():
            complaint = self._watchdog.complaint(child) if child.popen is not None else None
            if child.popen is not None and complaint:
                log.warning("the %s %s", child.process.name, complaint)
                child.hung = complaint
                child.popen.kill()
                child.popen.join()
            elif child.restart_ns is not None and self.board.finishing:
                child.done, child.restart_ns = True, None
            elif child.restart_ns is not None and now_ns >= child.restart_ns:
                child.life += 1
                self._start(child)
