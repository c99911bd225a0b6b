"""The workers that the directory knows: each has a number, and numbers make the arrays that streams are placed by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from realtime.fleet.beat import Beat
from realtime.fleet.placing import Bools, Ints


@dataclass(slots=True, eq=False)
class Worker:
    """One that has been heard. `streams`: as it last told; None: it is yet to."""

    number: int
    beat: Beat
    heard_ns: int
    streams: Mapping[str, str] | None = None
    draining: bool = False

    @property
    def name(self) -> str:
        return self.beat.worker


class Workers:
    """By name and by number. `loads` counts the streams that are theirs, or soon will be."""

    def __init__(self) -> None:
        self.loads: Ints = np.zeros(0, np.int64)
        self._limits: Ints = np.zeros(0, np.int64)
        self.takes: Bools = np.zeros(0, np.bool_)  # alive, known, and not to be emptied
        self._by_name: dict[str, Worker] = {}
        self._names: list[str] = []  # by number; "" for a number that is free

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Worker | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Worker:
        return self._by_name[name]

    def of(self, number: int) -> str:
        return self._names[number]

    def add(self, beat: Beat, now_ns: int) -> Worker:
        number = self._names.index("") if "" in self._names else len(self._names)
        if number == len(self._names):
            self._names.append("")
            self.loads, self._limits = np.append(self.loads, 0), np.append(self._limits, 0)
            self.takes = np.append(self.takes, False)
        self._names[number] = beat.worker
        self.loads[number], self._limits[number], self.takes[number] = 0, beat.limit, False
        self._by_name[beat.worker] = worker = Worker(number, beat, now_ns)
        return worker

    def open(self, worker: Worker) -> None:
        """What it has is known: it may have more."""
        self.takes[worker.number] = not worker.draining

    def drain(self, worker: Worker) -> None:
        """It gets no further streams."""
        worker.draining = True
        self.takes[worker.number] = False

    def take_away(self, worker: Worker) -> None:
        del self._by_name[worker.name]
        self._names[worker.number] = ""
        self.takes[worker.number] = False
        self.loads[worker.number] = 0

    def with_room(self, without: Worker | None) -> Ints:
        """The numbers of those that may have one more stream; `without` this one, where there is another."""
        takes = self.takes & (self.loads < self._limits)
        if without is not None and takes.sum() > 1:
            takes[without.number] = False
        return np.flatnonzero(takes)
