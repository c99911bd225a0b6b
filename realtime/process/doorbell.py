"""Wakes a process that waits for a record: a pair of sockets handed to both processes when they start.

The ring in shared memory says what is new; the doorbell only says look again. A lost or a spare ring does no harm,
so neither side ever blocks on the other, and either may die and be started again with the same pair.
"""

from __future__ import annotations

import contextlib
import select
import socket

_DRAIN_BYTES = 4096


class Doorbell:
    """Picklable while a process is being spawned. Close it in every process."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)

    def ring(self) -> None:
        # Full means that nobody has listened for thousands of rings: the one who looks next will be woken anyway.
        with contextlib.suppress(BlockingIOError):
            self._outside.send(b"\0")

    def wait(self, timeout_s: float) -> bool:
        """True where it rang within the time, or had rung before."""
        ready, _, _ = select.select([self._inside], [], [], timeout_s)
        if not ready:
            return False
        with contextlib.suppress(BlockingIOError):
            self._inside.recv(_DRAIN_BYTES)
        return True

    def close(self) -> None:
        self._inside.close()
        self._outside.close()
