"""The directory: which worker lifts which stream. Told by workers what they have, asked by producers where to go.

No sockets and no clock of its own. Streams are placed by `placing.py`; a worker that is not heard for a lease is dead.
Planned moves wait in `_targets`: the old worker is told of them a few at a time, and lifts until the new one has told
that it does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from realtime.clock import NS_PER_S
from realtime.fleet.beat import LEASE_S, Beat, Orders
from realtime.fleet.placing import NOWHERE, assign, emptier_of_two
from realtime.fleet.workers import Worker, Workers
from realtime.wire.joining import BUSY, FULL, Join, Moved, Refused

AT_ONCE = 4  # planned moves to one worker that are under way: each is work for it
_MOVE_NS = 12 * NS_PER_S  # one that takes longer has failed, and is ordered anew
_EXPECTED_NS = 12 * NS_PER_S  # a producer that was sent to a worker is there by then, or has gone

log = logging.getLogger("realtime.fleet")


@dataclass(slots=True, eq=False)
class _Home:
    """Where a stream is lifted, by whose word, and where it is to go."""

    worker: str
    life: str
    target: str = ""
    ordered_ns: int = 0  # when its producer was to be told of `target`; 0: not yet


class Directory:
    """For one thread at a time. Times are monotonic."""

    def __init__(self, seed: int | None = None) -> None:
        self.workers = Workers()
        self.lookups = self.moves = 0  # places given, planned moves done
        self._homes: dict[str, _Home] = {}
        self._expected: dict[str, int] = {}  # streams no worker has told of yet, since when
        self._targets: dict[str, _Home] = {}  # of those that are to move
        self._rng = np.random.default_rng(seed)

    @property
    def streams(self) -> dict[str, str]:
        """Each stream's worker."""
        return {stream: home.worker for stream, home in self._homes.items()}

    @property
    def pending(self) -> int:
        """Planned moves that are not done."""
        return len(self._targets)

    # ---- producers ----

    def place(self, join: Join, now_ns: int) -> Moved | Refused:
        """Where a producer is to go. Who has lost its worker goes to another; whose name is taken is told so there."""
        self.lookups += 1
        home = self._homes.get(join.stream)
        worker = None if home is None else self.workers.get(home.worker)
        without = None
        if home is not None and worker is not None:
            if join.lost != worker.beat.intake or join.life != home.life:
                return Moved(worker.beat.intake)
            without = worker
        among = self.workers.with_room(without)
        if not len(among):
            return self._no_room()
        self._forget(join.stream)
        number = int(emptier_of_two(self.workers.loads, among, 1, self._rng)[0])
        self._settle(join.stream, _Home(self.workers.of(number), join.life), now_ns)
        return Moved(self.workers[self.workers.of(number)].beat.intake)

    def _no_room(self) -> Refused:
        if not len(self.workers):
            return Refused(BUSY, "no worker is there yet: try again in a moment")
        return Refused(FULL, f"all places of {len(self.workers)} workers are taken: 'realtime fleet add' adds a worker")

    # ---- workers ----

    def beat(self, beat: Beat, now_ns: int) -> Orders:
        """A worker is alive, and lifts these streams; what it is to do."""
        worker = self.workers.get(beat.worker) or self.workers.add(beat, now_ns)
        worker.beat, worker.heard_ns = beat, now_ns
        if beat.streams is not None:
            first = worker.streams is None
            self._told(worker, dict(beat.streams), now_ns)
            if first:
                self.workers.open(worker)
                self._reassign(now_ns)
        return Orders(self._moves_of(worker, now_ns), again=worker.streams is None)

    def drain(self, name: str, now_ns: int) -> bool:
        """A worker's streams are handed over to others. False where there is no other, or none of that name."""
        worker = self.workers.get(name)
        if worker is None or int(self.workers.takes.sum()) - int(self.workers.takes[worker.number]) < 1:
            return False
        self.workers.drain(worker)
        self._reassign(now_ns)
        return True

    def bury(self, name: str, now_ns: int) -> None:
        """A worker is dead: its streams are others' from now on, as their producers find when they ask."""
        worker = self.workers.get(name)
        if worker is None:
            return
        self.workers.take_away(worker)
        for stream, home in list(self._homes.items()):
            if home.target == name:
                self._cancel(stream, home)
            if home.worker == name and home.target:  # who was to have it later has it now
                home.worker, home.target = home.target, ""
                self._targets.pop(stream)
                self._expected[stream] = now_ns
        self._reassign(now_ns)

    def look(self, now_ns: int) -> None:
        """Leases that have run out, moves that have failed, producers that never came."""
        for worker in [one for one in self.workers if now_ns - one.heard_ns > LEASE_S * NS_PER_S]:
            log.warning("%s has not been heard for %.1f s: its streams go elsewhere", worker.name,
                        (now_ns - worker.heard_ns) / NS_PER_S)  # fmt: skip
            self.bury(worker.name, now_ns)
        for home in self._targets.values():
            if home.ordered_ns and now_ns - home.ordered_ns > _MOVE_NS:
                home.ordered_ns = 0
        for stream in [one for one, since_ns in self._expected.items() if now_ns - since_ns > _EXPECTED_NS]:
            self._forget(stream)

    # ---- inside ----

    def _told(self, worker: Worker, streams: dict[str, str], now_ns: int) -> None:
        """What the worker lifts is the truth, but for streams that another one has told of since."""
        before, worker.streams = worker.streams or {}, streams
        for stream in before.keys() - streams.keys():
            home = self._homes.get(stream)
            if home is not None and home.worker == worker.name:
                if home.target:  # its producer has gone where it was sent, and that worker is yet to tell
                    self._arrive(stream, home)
                    self._expected[stream] = now_ns
                else:
                    self._forget(stream)
        for stream, life in streams.items():
            home = self._homes.get(stream)
            if home is None:
                self._settle(stream, home := _Home(worker.name, life), now_ns)
            elif home.target == worker.name:
                self._arrive(stream, home)
            elif home.worker != worker.name:
                other = self.workers.get(home.worker)
                if other is not None and other.streams and stream in other.streams:
                    continue
                self._forget(stream)
                self._settle(stream, home := _Home(worker.name, life), now_ns)
            home.life = life
            self._expected.pop(stream, None)

    def _settle(self, stream: str, home: _Home, now_ns: int) -> None:
        self._homes[stream] = home
        self._expected[stream] = now_ns
        self.workers.loads[self.workers[home.worker].number] += 1

    def _forget(self, stream: str) -> None:
        home = self._homes.pop(stream, None)
        self._expected.pop(stream, None)
        if home is not None:
            self._targets.pop(stream, None)
            self._count(home.target or home.worker, -1)

    def _arrive(self, stream: str, home: _Home) -> None:
        home.worker, home.target, home.ordered_ns = home.target, "", 0
        self._targets.pop(stream, None)
        self.moves += 1

    def _cancel(self, stream: str, home: _Home) -> None:
        """It stays where it is."""
        self._count(home.target, -1)
        self._count(home.worker, 1)
        home.target, home.ordered_ns = "", 0
        self._targets.pop(stream, None)

    def _count(self, name: str, change: int) -> None:
        worker = self.workers.get(name)
        if worker is not None:
            self.workers.loads[worker.number] += change

    def _reassign(self, now_ns: int) -> None:
        """After a change of workers: the rule says who goes where; the living hand over, the dead's streams are told
        when they ask."""
        streams = list(self._homes)
        if not streams or not self.workers.takes.any():
            return
        numbers = {worker.name: worker.number for worker in self.workers}
        homes = [self._homes[stream] for stream in streams]
        before = np.array([numbers.get(home.target or home.worker, NOWHERE) for home in homes], np.int64)
        after = assign(before, self.workers.takes, self._rng)
        for index in np.flatnonzero(before != after):
            stream, home, name = streams[index], homes[index], self.workers.of(int(after[index]))
            self._count(home.target or home.worker, -1)
            self._count(name, 1)
            self._targets.pop(stream, None)
            home.target, home.ordered_ns = "", 0
            if home.worker not in numbers:
                home.worker = name
                self._expected[stream] = now_ns
            elif home.worker != name:
                home.target = name
                self._targets[stream] = home

    def _moves_of(self, worker: Worker, now_ns: int) -> tuple[tuple[str, str], ...]:
        """Of its streams that are to move, as many as their new workers can take now."""
        if not self._targets:
            return ()
        under_way: dict[str, int] = {}
        for home in self._targets.values():
            under_way[home.target] = under_way.get(home.target, 0) + (home.ordered_ns > 0)
        moves: list[tuple[str, str]] = []
        for stream, home in self._targets.items():
            if home.worker == worker.name and not home.ordered_ns and under_way[home.target] < AT_ONCE:
                under_way[home.target] += 1
                home.ordered_ns = now_ns
                moves.append((stream, self.workers[home.target].beat.intake))
        return tuple(moves)
