"""What a person reads, written by a thread of its own: a terminal that nobody reads holds nobody up."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable

from realtime.closing import Closing

MOST = 1000  # lines that wait; beyond that they are left out
_LAST_WORDS_S = 2.0


class Terminal(Closing):
    """Does what it is given in its order, as far as the terminal takes it. A context manager."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: queue.Queue[Callable[[], object] | None] = queue.Queue(MOST)
        # A daemon: it may hang in the terminal for ever.
        self._thread = threading.Thread(target=self._write, name="terminal", daemon=True)
        self._thread.start()

    def put(self, write: Callable[[], object]) -> bool:
        """False where it is left out, since too much waits."""
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Waits a moment until all is written. What is said from now on is written by who says it."""
        self.closed = True
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_LAST_WORDS_S)
            self._thread.join(_LAST_WORDS_S)

    def _write(self) -> None:
        while (write := self._waiting.get()) is not None:
            write()


class TerminalHandler(logging.Handler):
    """Hands log records to `inner`, on the terminal's thread."""

    def __init__(self, terminal: Terminal, inner: logging.Handler) -> None:
        super().__init__()
        self._terminal, self._inner = terminal, inner

    def emit(self, record: logging.LogRecord) -> None:
        if self._terminal.closed:
            self._inner.handle(record)
        else:
            self._terminal.put(lambda: self._inner.handle(record))
