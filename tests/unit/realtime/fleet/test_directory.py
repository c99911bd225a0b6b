"""The directory: who is sent where, and what becomes of it when workers die, come, leave and fall silent."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.clock import NS_PER_S
from realtime.fleet.beat import LEASE_S, Beat
from realtime.fleet.directory import AT_ONCE, Directory
from realtime.wire.joining import BUSY, FULL, Join, Moved, Refused


def beat(worker: str, streams: dict[str, str] | None, limit: int = 100) -> Beat:
    return Beat(worker, f"tcp://{worker}:1", f"tcp://{worker}:2", limit, streams)


def join(stream: str, lost: str = "", life: str = "one") -> Join:
    return Join(stream, life, follows=True, lost=lost)


def worker_of(answer: Moved | Refused) -> str:
    assert isinstance(answer, Moved)
    return answer.address.removeprefix("tcp://").removesuffix(":1")


class World:
    """Workers and producers that do as they are told."""

    def __init__(self, workers: int) -> None:
        self.directory, self.now_ns = Directory(seed=0), 0
        self.lifts: dict[str, dict[str, str]] = {f"w{number}": {} for number in range(workers)}
        self.told: list[tuple[str, str]] = []  # moves
        self.beats()

    def beats(self) -> None:
        self.now_ns += NS_PER_S // 2
        for name in list(self.lifts):
            orders = self.directory.beat(beat(name, dict(self.lifts[name])), self.now_ns)
            assert not orders.again
            for stream, address in orders.moves:
                target = address.removeprefix("tcp://").removesuffix(":1")
                self.told.append((stream, target))
                self.lifts[target][stream] = self.lifts[name].pop(stream)
        self.directory.look(self.now_ns)

    def joins(self, stream: str, lost: str = "") -> str:
        name = worker_of(self.directory.place(join(stream, lost), self.now_ns))
        self.lifts[name][stream] = "one"
        return name

    def settle(self) -> None:
        for _ in range(60):
            self.beats()

    def check(self) -> None:
        """What the directory says is what is so, and its counts are those of what it says."""
        truth = {stream: name for name, streams in self.lifts.items() for stream in streams}
        assert self.directory.streams == truth
        loads = {one.name: int(self.directory.workers.loads[one.number]) for one in self.directory.workers}
        assert {name: load for name, load in loads.items() if load} == dict(Counter(truth.values()))
        assert self.directory.pending == 0


def test_a_stream_is_found_where_it_was_placed() -> None:
    world = World(3)
    placed = {f"s{number}": world.joins(f"s{number}") for number in range(9)}
    world.beats()
    assert {stream: worker_of(world.directory.place(join(stream), world.now_ns)) for stream in placed} == placed
    assert max(Counter(placed.values()).values()) <= 5
    world.check()


def test_who_has_lost_its_worker_goes_to_another_at_once_and_a_stranger_does_not() -> None:
    world = World(2)
    first = world.joins("s")
    lost = f"tcp://{first}:1"
    assert worker_of(world.directory.place(join("s", lost, life="another's"), world.now_ns)) == first
    del world.lifts[first]["s"]
    assert world.joins("s", lost) != first


def test_the_streams_of_a_dead_worker_are_others_and_of_a_silent_one_after_its_lease() -> None:
    world = World(3)
    for number in range(12):
        world.joins(f"s{number}")
    world.beats()
    world.directory.bury("w0", world.now_ns)
    assert "w0" not in world.directory.streams.values()
    del world.lifts["w0"]
    last_ns = world.now_ns
    world.directory.beat(beat("w1", None), last_ns + int(LEASE_S * NS_PER_S))
    world.directory.look(last_ns + int(LEASE_S * NS_PER_S) + 1)
    assert set(world.directory.streams.values()) == {"w1"}


def test_a_silent_worker_that_comes_back_keeps_what_nobody_else_has_taken() -> None:
    world = World(2)
    for number in range(6):
        world.joins(f"s{number}")
    world.beats()
    world.directory.bury("w0", world.now_ns)  # its lease ran out, but its producers are still there
    world.settle()
    world.check()


def test_a_worker_that_comes_gets_its_share_a_few_at_a_time() -> None:
    world = World(2)
    for number in range(30):
        world.joins(f"s{number}")
    world.beats()
    world.lifts["new"] = {}
    at = len(world.told)
    orders = world.directory.beat(beat("new", {}), world.now_ns)
    assert not orders.moves
    world.beats()
    assert 0 < len(world.told) - at <= AT_ONCE
    world.settle()
    assert len(world.lifts["new"]) == 10
    assert {target for _, target in world.told} == {"new"}
    world.check()


def test_a_worker_that_is_drained_is_empty_in_the_end_and_gets_nobody() -> None:
    world = World(3)
    for number in range(12):
        world.joins(f"s{number}")
    world.beats()
    assert world.directory.drain("w1", world.now_ns)
    world.settle()
    assert not world.lifts["w1"]
    assert "w1" not in {world.joins(f"t{number}") for number in range(12)}
    world.beats()
    world.check()


def test_the_last_worker_cannot_be_drained() -> None:
    world = World(2)
    assert not world.directory.drain("nobody", 0)
    assert world.directory.drain("w0", 0)
    assert not world.directory.drain("w1", 0)


def test_a_move_that_fails_is_ordered_again() -> None:
    world = World(1)
    for number in range(4):
        world.joins(f"s{number}")
    world.beats()
    world.directory.beat(beat("new", {}), world.now_ns)
    first = world.directory.beat(beat("w0", None), world.now_ns).moves
    assert len(first) == 2
    assert not world.directory.beat(beat("w0", None), world.now_ns).moves
    later_ns = world.now_ns + 13 * NS_PER_S
    for name in ("w0", "new"):
        world.directory.beat(beat(name, None), later_ns)
    world.directory.look(later_ns)
    assert world.directory.beat(beat("w0", None), later_ns).moves == first


def test_a_directory_that_begins_anew_learns_from_the_workers() -> None:
    world = World(3)
    for number in range(9):
        world.joins(f"s{number}")
    world.beats()
    fresh = Directory(seed=1)
    assert fresh.beat(beat("w0", None), world.now_ns).again
    for name, streams in world.lifts.items():
        fresh.beat(beat(name, streams), world.now_ns)
    assert fresh.streams == world.directory.streams
    assert not fresh.pending


def test_a_producer_that_never_came_does_not_hold_its_place() -> None:
    world = World(1)
    world.directory.place(join("ghost"), world.now_ns)
    assert "ghost" in world.directory.streams
    world.settle()
    world.check()


def test_who_gets_no_place_is_told_why() -> None:
    directory = Directory(seed=0)
    nobody = directory.place(join("s"), 0)
    assert isinstance(nobody, Refused)
    assert nobody.code == BUSY
    directory.beat(beat("w0", {}, limit=1), 0)
    assert isinstance(directory.place(join("s"), 0), Moved)
    full = directory.place(join("t"), 0)
    assert isinstance(full, Refused)
    assert full.code == FULL
    assert "realtime fleet add" in full.message


EVENTS = ["join", "leave", "kill", "add", "drain"]
events = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 99)), max_size=40)


@settings(deadline=None, max_examples=60)
@given(events)
def test_whatever_happens_in_the_end_it_knows_who_is_where(happening: list[tuple[str, int]]) -> None:
    world = World(2)
    for number, (event, chance) in enumerate(happening):
        names = list(world.lifts)
        name = names[chance % len(names)]
        if event == "join":
            world.joins(f"s{number}")
        elif event == "leave" and world.lifts[name]:
            world.lifts[name].popitem()
        elif event == "add":
            world.lifts[f"w{number + 10}"] = {}
        elif event == "kill" and len(names) > 1:
            orphans = world.lifts.pop(name)
            world.directory.bury(name, world.now_ns)
            for stream in orphans:
                world.joins(stream, lost=f"tcp://{name}:1")
        elif event == "drain" and world.directory.drain(name, world.now_ns):
            world.settle()
            assert not world.lifts.pop(name)
            world.directory.bury(name, world.now_ns)
        world.beats()
    world.settle()
    world.check()
