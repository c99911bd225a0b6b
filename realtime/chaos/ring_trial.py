"""Millions of records through a ring that is much too small, from one process to another: is any accepted wrong?"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.models.skeleton import JOINTS
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.process.signals import held_back, leave_to_parent
from realtime.ring.ring import Ring

SLOTS = 8  # so that the writer is often upon the record that is being read
_PEOPLE = 2
_MODULUS = 1 << 20  # numbers that a float32 holds exactly
_READ_TIMEOUT_S = 0.0  # it looks without a pause: the more often both are at one record


@dataclass(frozen=True, slots=True)
class RingTrial:
    written: int
    read: int
    lost: int  # overwritten before they were read, or while
    wrong: int  # accepted, and not as they were written
    out_of_order: int
    elapsed_s: float


def ring_trial(records: int) -> RingTrial:
    """Writes here, reads there. Every number of a record follows from its frame id."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    ring = Ring.create(f"trial-{uuid.uuid4().hex[:12]}", SLOTS, _PEOPLE)
    try:
        reader = spawn.Process(target=_read, args=(theirs, ring.name), daemon=True)
        with held_back():
            reader.start()
        theirs.close()
        ours.recv()  # it is there
        started_ns = monotonic_ns()
        for number in range(1, records + 1):
            ring.write(made(number))
        ring.finish()
        read, lost, wrong, out_of_order = ours.recv()
        reader.join()
        return RingTrial(ring.head, read, lost, wrong, out_of_order, (monotonic_ns() - started_ns) / NS_PER_S)
    finally:
        ring.close()
        ring.unlink()


def made(number: int) -> Keypoints2D:
    """One to two people, all of whose numbers tell the record's own."""
    value = number % _MODULUS
    person = Person2D(number, np.full((JOINTS, 2), value, np.float32), np.full(JOINTS, value, np.float32))
    people = (person,) * (1 + number % _PEOPLE)
    return Keypoints2D(Stamp(number, number, number), (value, value), people, number, number, number % 2 == 1)


def as_made(record: Keypoints2D) -> bool:
    """Whether all of a record is of one frame."""
    number, stamp = record.stamp.frame_id, record.stamp
    value = number % _MODULUS
    whole = (stamp.capture_ns, stamp.source_ns, record.detected_ns, record.dropped) == (number,) * 4
    rest = (record.image_wh, len(record.persons), record.repeated) == (
        (value, value), 1 + number % _PEOPLE, number % 2 == 1
    )  # fmt: skip
    return whole and rest and all(
        p.track_id == number and bool((p.xy_px == value).all()) and bool((p.score == value).all())
        for p in record.persons
    )  # fmt: skip


def _read(pipe: multiprocessing.connection.Connection[Any, Any], name: str) -> None:
    leave_to_parent()
    with Ring.attach(name) as ring:
        reader = ring.reader()
        pipe.send(None)
        read = wrong = out_of_order = before = 0
        while not (ring.finished and reader.position >= ring.head):
            record = reader.read_next(_READ_TIMEOUT_S)
            if record is None:
                continue
            read += 1
            wrong += not as_made(record)
            out_of_order += record.stamp.frame_id <= before
            before = record.stamp.frame_id
        pipe.send((read, reader.lost, wrong, out_of_order))
