"""The writer's stores are recorded, then played into the reader's loads at every place: no race is needed.

A load of the record's bytes is itself split, and stores that are not ordered by the processor may come in any order:
the reader must give a whole record or none.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.ring import ring as ring_module
from realtime.ring.ring import Ring

SLOTS = 4
PEOPLE = 2
LOADS = 18  # of a record of so many people, its bytes in pieces


def keypoints(frame_id: int, people: int) -> Keypoints2D:
    person = Person2D(frame_id, np.full((17, 2), frame_id, np.float32), np.full(17, frame_id, np.float32))
    stamp = Stamp(frame_id, frame_id, frame_id)
    return Keypoints2D(stamp, (frame_id, frame_id), (person,) * people, frame_id, frame_id)


def is_whole(record: Keypoints2D) -> bool:
    frame_id = record.stamp.frame_id
    numbers = [record.stamp.capture_ns, record.stamp.source_ns, *record.image_wh, record.detected_ns, record.dropped]
    arrays = [value for p in record.persons for value in (p.xy_px, p.score, np.array(p.track_id))]
    return all(n == frame_id for n in numbers) and all((a == frame_id).all() for a in arrays)


class Recorded:
    """Stores go to a log instead of memory; loads see memory as the log would have left it."""

    def __init__(self, real: Any, log: list[Callable[[], None]], chunk: int = 64) -> None:
        self.real, self.log, self.chunk = real, log, chunk

    def __getitem__(self, key: Any) -> Any:
        return self.real[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, slice):
            data = bytes(value)
            for at in range(0, len(data), self.chunk):
                part = data[at : at + self.chunk]
                self.log.append(lambda s=key.start + at, p=part: self.real.__setitem__(slice(s, s + len(p)), p))
        else:
            self.log.append(lambda: self.real.__setitem__(key, value))

    def release(self) -> None:
        self.real.release()


class Interrupted(Recorded):
    """Each load is preceded by stores of the writer; a slice is loaded in pieces with stores between them."""

    def __init__(self, real: Any, step: Callable[[], None]) -> None:
        super().__init__(real, [])
        self.step = step

    def __getitem__(self, key: Any) -> Any:
        self.step()
        if not isinstance(key, slice):
            return self.real[key]
        parts = []
        for at in range(key.start, key.stop, self.chunk):
            parts.append(bytes(self.real[at : min(at + self.chunk, key.stop)]))
            self.step()
        return b"".join(parts)


@contextmanager
def new_ring() -> Iterator[Ring]:
    ring = Ring.create(f"test-{uuid.uuid4().hex}", slots=SLOTS, max_people=PEOPLE)
    try:
        yield ring
    finally:
        ring.close()
        ring.unlink()


def stores_of(ring: Ring, frame_ids: range, people: list[int]) -> list[Callable[[], None]]:
    """The writer's stores for these frames, in order. The head is followed on paper: nothing is stored yet."""
    log: list[Callable[[], None]] = []
    memory, words = ring._memory, ring._words
    head = ring.head

    class Words(Recorded):
        def __getitem__(self, key: Any) -> Any:
            return head if key == 3 else self.real[key]

    ring._memory, ring._words = Recorded(memory, log), Words(words, log)  # type: ignore[assignment]
    for frame_id, count in zip(frame_ids, people, strict=True):
        ring.write(keypoints(frame_id, count))
        head += 1
    ring._memory, ring._words = memory, words
    return log


def read_between(ring: Ring, log: list[Callable[[], None]], pauses: list[int], read: Callable[[], Any]) -> Any:
    """Runs `read` while before its i-th load the next pauses[i] stores of the log are done (and taken off it)."""
    steps = iter(pauses)

    def step() -> None:
        for _ in range(min(next(steps, 0), len(log))):
            log.pop(0)()

    memory, words = ring._memory, ring._words
    ring._memory, ring._words = Interrupted(memory, step), Interrupted(words, step)  # type: ignore[assignment]
    try:
        return read()
    finally:
        ring._memory, ring._words = memory, words


def lone_checksum(record: bytes | memoryview, number: int) -> int:
    return 0


@pytest.mark.parametrize("people", range(PEOPLE + 1))
def test_the_writers_marks_alone_keep_torn_records_out_one_by_one(monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    """Every interleaving of one overwrite with one read, without the checksum's help: stores are in order here."""
    monkeypatch.setattr(ring_module, "_checksum", lone_checksum)
    whole, cases = 0, 0
    with new_ring() as ring:
        stores = len(stores_of(ring, range(1, 2), [people]))
    for before, load in itertools.product(range(stores + 1), range(1, LOADS + 1)):
        for during in range(1, stores - before + 1):
            with new_ring() as ring:
                for frame_id in range(1, SLOTS + 1):
                    ring.write(keypoints(frame_id, PEOPLE - people))
                log = stores_of(ring, range(SLOTS + 1, SLOTS + 2), [people])
                record = read_between(ring, log, [before, *[0] * (load - 1), during], lambda: ring.record(1))
            cases += 1
            if record is not None:
                whole += 1
                assert record.stamp.frame_id == 1
                assert len(record.persons) == PEOPLE - people
                assert is_whole(record)
    assert 0 < whole < cases


people_lists = st.lists(st.integers(0, PEOPLE), min_size=3 * SLOTS, max_size=3 * SLOTS)
pause_lists = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(before=st.integers(0, 2 * SLOTS), number=st.integers(1, 3 * SLOTS), people=people_lists, pauses=pause_lists)
def test_a_torn_record_is_never_accepted(before: int, number: int, people: list[int], pauses: list[int]) -> None:
    with new_ring() as ring:
        for frame_id in range(1, before + 1):
            ring.write(keypoints(frame_id, people[frame_id - 1]))
        log = stores_of(ring, range(before + 1, 3 * SLOTS + 1), people[before:])
        record = read_between(ring, log, pauses, lambda: ring.record(number))
        if record is not None:
            assert record.stamp.frame_id == number
            assert len(record.persons) == people[number - 1]
            assert is_whole(record)


@settings(max_examples=300, deadline=None)
@given(
    people=people_lists, order=st.randoms(use_true_random=False), pauses=pause_lists, number=st.integers(1, 2 * SLOTS)
)
def test_stores_that_arrive_out_of_order_are_caught_by_the_checksum(
    people: list[int], order: Any, pauses: list[int], number: int
) -> None:
    with new_ring() as ring:
        for frame_id in range(1, SLOTS + 1):
            ring.write(keypoints(frame_id, people[frame_id - 1]))
        log = stores_of(ring, range(SLOTS + 1, 2 * SLOTS + 1), people[SLOTS : 2 * SLOTS])
        order.shuffle(log)
        record = read_between(ring, log, pauses, lambda: ring.record(number))
        if record is not None:
            assert record.stamp.frame_id == number
            assert is_whole(record)


@settings(max_examples=200, deadline=None)
@given(people=people_lists, pauses=st.lists(st.integers(0, 12), min_size=1, max_size=400))
def test_every_record_is_read_or_counted_as_lost(people: list[int], pauses: list[int]) -> None:
    with new_ring() as ring:
        reader = ring.reader()
        log = stores_of(ring, range(1, 3 * SLOTS + 1), people)
        read: list[int] = []

        def drain() -> None:
            for _ in range(3 * SLOTS):
                record = reader.read_next(timeout_s=0)
                if record is not None:
                    assert is_whole(record)
                    read.append(record.stamp.frame_id)

        read_between(ring, log, pauses, drain)
        for store in log:  # those that were left over
            store()
        drain()
        assert read == sorted(set(read))
        assert len(read) + reader.lost == reader.position == ring.head


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(0, 3 * SLOTS), min_size=1, max_size=12))
def test_reader_and_ring_agree_with_a_plain_list(counts: list[int]) -> None:
    """Between whole writes: a reader less than a ring behind misses nothing, one further behind sees the newest."""
    with new_ring() as ring:
        reader = ring.reader()
        frame_id = lost = 0
        for count in counts:
            for _ in range(count):
                frame_id += 1
                ring.write(keypoints(frame_id, 1))
            got = [k.stamp.frame_id for k in iter(lambda: reader.read_next(timeout_s=0), None)]
            expected = list(range(frame_id - count + 1, frame_id + 1)) if count <= SLOTS else [frame_id]
            lost += count - len(expected)
            assert got == expected
            assert reader.lost == lost
