"""`realtime run --dashboard`: the stream in the terminal in place of the status line, drawn beside the supervisor.

On a thread of its own: a terminal that is held (Ctrl-S) or slow stops nobody but the picture. The supervisor only hands
over what it knows.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from types import TracebackType

from realtime.config import StreamConfig
from realtime.dashboard.feed import Feed
from realtime.dashboard.panel import Around
from realtime.dashboard.screen import Screen
from realtime.dashboard.watch import show
from realtime.process.signals import held_back
from realtime.session.status import process_figures, starting
from realtime.session.supervisor import Supervisor

_NOTES = 50
_NICENESS = 10
_PATIENCE_S = 2.0  # for a last picture

log = logging.getLogger("realtime.run")


class RunDashboard:
    """A context manager, entered before the session's processes start. `update` as often as there is news: the first
    one, when Ctrl-C has become an order, opens the screen."""

    def __init__(self, stream: StreamConfig, screen: Screen) -> None:
        """Raises UserError for keys that cannot be used."""
        from realtime.view.viewer_process import own_keys, reachable

        self._keys = own_keys(stream.keys) if stream.keys else None
        self._address, self._stream = reachable(stream.address), stream.name
        self._screen, self._notes = screen, _Notes()
        self._around = Around()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="dashboard", daemon=True)

    def __enter__(self) -> RunDashboard:
        self._notes.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with held_back():  # another Ctrl-C does not leave the terminal on the dashboard's screen
            self._over.set()
            if self._thread.ident is not None:
                self._thread.join(_PATIENCE_S)
            self._notes.__exit__(kind, exc, tb)

    def update(self, supervisor: Supervisor) -> None:
        if self._thread.ident is None:
            self._thread.start()
        loads = {name: process_figures(child) for name, child in supervisor.children.items() if child.load}
        processes = "   ".join(f"{name} {one.cpu_percent:.0f} % {one.rss_mb:.0f} MB" for name, one in loads.items())
        state = "ending" if supervisor.finishing else starting(supervisor)
        self._around = Around(state, processes, self._notes.lines, supervisor.restarted)

    def _draw(self) -> None:
        _stand_back()
        try:
            with Feed(self._address, self._stream, self._keys) as feed, self._screen:
                show(feed, self._screen, self._over.wait, lambda: self._around)
        except OSError as error:  # the terminal was closed: the session hears of it by a signal
            log.debug("the dashboard ended: %s", error)
        except Exception as error:  # noqa: BLE001 the stream goes on without it
            log.warning("the dashboard ended (%s: %s); the stream goes on", type(error).__name__, error)


def _stand_back() -> None:
    """Detector and lifter need the processor first. On Linux this is of a thread, and of those that it starts."""
    if sys.platform == "linux":
        os.nice(_NICENESS)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # wakes up without pushing others aside


class _Notes(logging.Handler):
    """Log lines for the dashboard while it is there. Those of a terminal are written to it afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[logging.LogRecord] = deque(maxlen=_NOTES)
        self._root = logging.getLogger("realtime")
        self._held = sys.stderr.isatty()  # else it is a file that goes on as before
        self._before: list[logging.Handler] = []

    def __enter__(self) -> _Notes:
        self._before = self._root.handlers[:]
        self._root.handlers[:] = [self, *([] if self._held else self._before)]
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._root.handlers[:] = self._before
        for record in self._records if self._held else ():
            self._root.handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(map(_line, self._records.copy()))


def _line(record: logging.LogRecord) -> str:
    return f"{record.levelname} {record.getMessage()}" if record.levelno > logging.INFO else record.getMessage()
