"""What a process and its supervisor say to each other: heartbeats and orders in shared words, the rest by a pipe."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

from realtime.clock import monotonic_ns
from realtime.process.doorbell import Doorbell

_ORDER, _GO = range(2)
_FINISH, _STOP = 1, 2
_POLL_S = 0.01
# A process has one link, and several threads that log. Not in the Link, which is pickled.
_SENDING = threading.Lock()


class Board:
    """Words in nameless shared memory: each process beats its own, the supervisor gives orders in the first ones."""

    def __init__(self, context: SpawnContext, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._words = context.RawArray("q", 2 + len(names))

    def go(self) -> None:
        self._words[_GO] = 1

    @property
    def went(self) -> bool:
        return bool(self._words[_GO])

    def finish(self) -> None:
        """No new frames; what is under way is brought to its end."""
        self._words[_ORDER] = max(self._words[_ORDER], _FINISH)

    def stop(self) -> None:
        self._words[_ORDER] = _STOP

    @property
    def finishing(self) -> bool:
        return bool(self._words[_ORDER] >= _FINISH)

    @property
    def stopping(self) -> bool:
        return bool(self._words[_ORDER] >= _STOP)

    def beat(self, name: str) -> None:
        self._words[2 + self._names.index(name)] = monotonic_ns()

    def disarm(self, name: str) -> None:
        self._words[2 + self._names.index(name)] = 0

    def last_beat_ns(self, name: str) -> int:
        """0 before the first beat of this life: the watchdog is not armed."""
        return int(self._words[2 + self._names.index(name)])


@dataclass(frozen=True, slots=True)
class Ready:
    """The process is set up. `text` tells a person with what."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot go on. By a mistake of the user's: then starting it again does not help."""

    text: str
    user_error: bool


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

    def tell(self, event: object) -> None:
        """Says it to the supervisor, who may be gone: the watch on the supervisor deals with that. From any thread."""
        try:
            with _SENDING:
                self._events.send(event)
        except (BrokenPipeError, ConnectionResetError):
            logging.getLogger("realtime.link").debug("nobody listens to %s", self.name)


class LinkHandler(logging.Handler):
    """Log lines of a process go to its supervisor, who alone writes to the terminal."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "realtime.link":
            self._link.tell(LogLine(record.levelno, record.name, self.format(record)))
