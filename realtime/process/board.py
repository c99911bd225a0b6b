"""Words in nameless shared memory: every process beats and tells how it is, the supervisor gives orders."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnContext

from realtime.clock import monotonic_ns, to_unix_ns
from realtime.process.states import RUNNING, STALLED, STARTING, STATES, worst

_ORDER, _GO = range(2)
_FINISH, _STOP = 1, 2
SILENT_NS = 1_000_000_000  # a process that runs beats more often than that
_EVENT_BYTES = 192


class _Told(ctypes.Structure):
    """A state with its story; written by one process, read by all, whole or not: it is news, no record."""

    _fields_ = [("state", ctypes.c_int64), ("since_ns", ctypes.c_int64), ("event", ctypes.c_char * _EVENT_BYTES)]


class _Row(ctypes.Structure):
    _fields_ = [
        ("beat_ns", ctypes.c_int64), ("pulse_ns", ctypes.c_int64), ("restarts", ctypes.c_int64),
        ("published", ctypes.c_int64), ("life", _Told), ("work", _Told),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """How a process is. `since_ns` is monotonic; `event` the last thing that happened to it."""

    state: str
    since_ns: int
    event: str
    restarts: int = 0

    def as_fields(self) -> dict[str, object]:
        since_ns = to_unix_ns(self.since_ns)
        return {"state": self.state, "since_ns": since_ns, "event": self.event, "restarts": self.restarts}


class Board:
    """Shared by all processes of a session. `names`: the processes, in the order of the table."""

    def __init__(self, context: SpawnContext, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._words = context.RawArray("q", 2)
        self._rows = context.RawArray(_Row, len(names))
        for name in names:
            self.tell_life(name, STARTING, "")
            self.tell_work(name, RUNNING, "")

    # ---- orders ----

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

    # ---- beats ----

    def beat(self, name: str) -> None:
        self._row(name).beat_ns = monotonic_ns()

    def pulse(self, name: str) -> None:
        """Before the first beat: the process is being set up, and not stopped."""
        self._row(name).pulse_ns = monotonic_ns()

    def disarm(self, name: str) -> None:
        self._row(name).beat_ns = self._row(name).pulse_ns = self._row(name).published = 0

    def last_beat_ns(self, name: str) -> int:
        """0 before the first beat of this life."""
        return int(self._row(name).beat_ns)

    def last_pulse_ns(self, name: str) -> int:
        """0 before the first pulse of this life."""
        return int(self._row(name).pulse_ns)

    def tell_published(self, name: str) -> None:
        """A pose has gone out, in this life of the process."""
        self._row(name).published = 1

    @property
    def published(self) -> bool:
        """Whether a pose has gone out since the publisher was started last."""
        return any(row.published for row in self._rows)

    # ---- states ----

    def tell_life(self, name: str, state: str, event: str, restarts: int = 0) -> None:
        """By the supervisor: whether the process lives."""
        self._row(name).restarts = restarts
        _tell(self._row(name).life, state, event)

    def tell_work(self, name: str, state: str, event: str) -> None:
        """By the process itself: how its work goes."""
        _tell(self._row(name).work, state, event)

    def condition(self, name: str) -> Condition:
        """What to believe of a process: its work counts while it lives, and it lives while it beats."""
        row, now_ns = self._row(name), monotonic_ns()
        life, work = STATES[row.life.state], STATES[row.work.state]
        if life != RUNNING:
            return Condition(life, row.life.since_ns, _text(row.life), row.restarts)
        if row.beat_ns and now_ns - row.beat_ns > SILENT_NS:
            return Condition(STALLED, row.beat_ns, "it does not move", row.restarts)
        newest = max(row.life, row.work, key=lambda told: told.since_ns if told.event else 0)
        if work == RUNNING:
            return Condition(RUNNING, max(row.life.since_ns, row.work.since_ns), _text(newest), row.restarts)
        return Condition(worst(life, work), row.work.since_ns, _text(row.work), row.restarts)

    def conditions(self) -> dict[str, Condition]:
        """How every process of the session is."""
        return {name: self.condition(name) for name in self.names}

    def _row(self, name: str) -> _Row:
        return self._rows[self.names.index(name)]


def _tell(told: _Told, state: str, event: str) -> None:
    if STATES[told.state] != state or not told.since_ns:
        told.since_ns = monotonic_ns()
    told.state = STATES.index(state)
    if event:
        told.event = event.encode()[: _EVENT_BYTES - 1]


def _text(told: _Told) -> str:
    return bytes(told.event).decode(errors="ignore")
