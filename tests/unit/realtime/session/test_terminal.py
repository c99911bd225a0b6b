"""A terminal that nobody reads."""

from __future__ import annotations

import collections
import logging
import os
import threading

from realtime.session.terminal import MOST, Terminal, TerminalHandler


def test_a_terminal_that_nobody_reads_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    log = logging.getLogger("realtime.test_terminal")
    log.propagate = False
    with os.fdopen(writer, "w") as stream, os.fdopen(reader) as unread:
        terminal = Terminal()
        handler = TerminalHandler(terminal, logging.StreamHandler(stream))
        log.addHandler(handler)
        for number in range(3 * MOST):
            log.warning("%d %s", number, "x" * 1000)  # far more than a pipe holds
        assert not terminal.put(lambda: None), "there is an end to what is kept"
        assert unread.readline().startswith("0 x")
        log.removeHandler(handler)
        reading = threading.Thread(target=lambda: collections.deque(iter(unread.readline, ""), maxlen=1))
        reading.start()
        terminal.close()
        assert not terminal._thread.is_alive(), "once it is read, all that was kept is written"
        stream.close()
        reading.join()  # to the end of what was written


def test_what_is_said_is_written_in_its_order_and_after_the_end_at_once() -> None:
    said: list[str] = []

    class Inner(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log = logging.getLogger("realtime.test_terminal")
    log.propagate = False
    with Terminal() as terminal:
        handler = TerminalHandler(terminal, Inner())
        log.addHandler(handler)
        for number in range(100):
            log.warning("%d", number)
    log.warning("late")
    log.removeHandler(handler)
    assert said == [*map(str, range(100)), "late"]
