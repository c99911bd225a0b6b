"""Which process has hung, and whether it was the watcher itself that stood still."""

from __future__ import annotations

import logging

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.board import Board
from realtime.session.child import Child

PAUSE_S = 1.0  # rounds come ten times a second: a longer one means that we were stopped (Ctrl-Z, a sleeping machine)

log = logging.getLogger("realtime.supervisor")


class Watchdog:
    """Looks at every child in every round of its supervisor. A pause of the supervisor is forgiven to all."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._round_ns = monotonic_ns()
        self._forgiven_ns = 0  # what was due before counts from here

    def begin_round(self) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._round_ns > PAUSE_S * NS_PER_S:
            log.info("stood still for %.1f s: everything goes on", (now_ns - self._round_ns) / NS_PER_S)
            self._forgiven_ns = now_ns
        self._round_ns = now_ns

    def complaint(self, child: Child) -> str | None:
        """Why a living child is to be replaced; None: it is well."""
        name, process, now_ns = child.process.name, child.process, monotonic_ns()
        beat_ns = self._board.last_beat_ns(name)
        if beat_ns:
            return self._late(now_ns, beat_ns, process.watchdog_s, "has not moved")
        pulse_ns = self._board.last_pulse_ns(name) or child.started_ns
        stopped = self._late(now_ns, pulse_ns, process.pulse_s, "stood still while it was set up,")
        return stopped or self._late(now_ns, child.started_ns, process.setup_s, "was not ready")

    def _late(self, now_ns: int, since_ns: int, allowed_s: float, what: str) -> str | None:
        if now_ns - max(since_ns, self._forgiven_ns) <= allowed_s * NS_PER_S:
            return None
        return f"{what} for {allowed_s:g} s"
