"""What a process and its supervisor say to each other: heartbeats and orders in shared words, the rest by a pipe."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from realtime.process.board import Board, Condition
from realtime.process.doorbell import Doorbell
from realtime.process.outbox import Outbox

_POLL_S = 0.01
_PULSE_S = 0.2
_LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The process is set up. `text` tells a person with what."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot go on. By a mistake of the user's: then starting it again does not help."""

    text: str
    user_error: bool
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    level: int
    name: str
    text: str


class Link:
    """A process's end. Picklable while the process is being spawned."""

    def __init__(
        self, name: str, life: int, board: Board, events: Connection[Any, Any], ring_name: str, doorbell: Doorbell
    ) -> None:
        self.name = name
        self.life = life  # 0 at first, then how often it has been started again
        self.ring_name = ring_name
        self.doorbell = doorbell
        self._board = board
        self._events = events
        self._outbox: Outbox | None = None

    def open(self) -> None:
        """In the process itself, once: from now on it can speak, and has a pulse until its first beat."""
        self._outbox = Outbox(self._events)
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()

    def close(self) -> None:
        """Before the end: last words are waited for a moment."""
        if self._outbox is not None:
            self._outbox.close(_LAST_WORDS_S)

    def _pulse(self) -> None:
        while not self._board.last_beat_ns(self.name):
            self._board.pulse(self.name)
            time.sleep(_PULSE_S)

    def beat(self) -> None:
        self._board.beat(self.name)

    @property
    def finishing(self) -> bool:
        """The source shall be left; what is in the ring is still worked on."""
        return self._board.finishing

    @property
    def stopping(self) -> bool:
        """Everything shall end now."""
        return self._board.stopping

    def stop_all(self) -> None:
        """For the process that finds its supervisor gone."""
        self._board.stop()

    def ready(self, text: str) -> None:
        self.beat()
        self.tell(Ready(text))

    def wait_for_go(self) -> None:
        """Until all others are ready too, or the session ends."""
        while not (self._board.went or self.finishing):
            self.beat()
            time.sleep(_POLL_S)

    def work(self, state: str, event: str = "") -> None:
        """How the work goes, for the status; `event`: what happened, in a few words."""
        self._board.tell_work(self.name, state, event)

    def conditions(self) -> dict[str, Condition]:
        """How every process of the session is."""
        return self._board.conditions()

    def published(self) -> None:
        """A pose has gone out."""
        self._board.tell_published(self.name)

    def tell(self, event: object) -> None:
        """Says it to the supervisor, who may be gone, or stopped, or busy: nobody waits. From any thread."""
        if self._outbox is not None:
            self._outbox.put(event)


class LinkHandler(logging.Handler):
    """Log lines of a process go to its supervisor, who alone writes to the terminal."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "realtime.link":
            self._link.tell(LogLine(record.levelno, record.name, self.format(record)))
