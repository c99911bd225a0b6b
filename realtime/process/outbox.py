"""What a process says, sent by a thread of its own: who does not listen holds nobody up."""

from __future__ import annotations

import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

MOST = 512  # events that wait; beyond that the oldest are dropped


class Outbox:
    """Events in their order, down a pipe that may be full for ever. From any thread."""

    def __init__(self, events: Connection[Any, Any]) -> None:
        self._events = events
        self._waiting: deque[object] = deque(maxlen=MOST)
        self._changed = threading.Condition()
        self._closing = False
        # A daemon: it may hang in the pipe for ever.
        self._thread = threading.Thread(target=self._send, name="outbox", daemon=True)
        self._thread.start()

    def put(self, event: object) -> None:
        with self._changed:
            self._waiting.append(event)
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Sends what waits, for as long as that may take."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                event = self._waiting.popleft()
            try:
                self._events.send(event)
            except (BrokenPipeError, ConnectionResetError):  # the watch on the supervisor deals with that
                return
