"""A lifter that fell behind goes on with the newest frame, and the rest counts as lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from realtime.contracts import Keypoints2D, Stamp
from realtime.pipeline.lifter_process import catch_up, reprime
from realtime.ring.ring import Ring


class Remembers:
    """Stands for `Lift`, and for the link: notes what it is given."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.beats = 0

    def remember(self, keypoints: Keypoints2D) -> None:
        self.frames.append(keypoints.stamp.frame_id)

    def beat(self) -> None:
        self.beats += 1


@pytest.fixture
def ring() -> Iterator[Ring]:
    with Ring.create(f"test-{uuid.uuid4().hex[:8]}", slots=32) as made:
        yield made
        made.unlink()


def write(ring: Ring, count: int) -> None:
    for _ in range(count):
        number = ring.head + 1
        ring.write(Keypoints2D(Stamp(number, number, number), (64, 48), (), number, 0))


def test_all_but_the_newest_is_remembered_and_lost(ring: Ring) -> None:
    lift, reader = Remembers(), ring.reader()
    write(ring, 10)
    catch_up(lift, ring, reader, lift)  # type: ignore[arg-type]
    assert lift.frames == [*range(1, 10)]
    assert (reader.lost, lift.beats) == (9, 9)
    newest = reader.read_next(0)
    assert newest is not None
    assert newest.stamp.frame_id == 10


def test_what_was_overwritten_meanwhile_is_lost_too(ring: Ring) -> None:
    lift, reader = Remembers(), ring.reader()
    write(ring, 100)
    catch_up(lift, ring, reader, lift)  # type: ignore[arg-type]
    newest = reader.read_next(0)
    assert newest is not None
    assert newest.stamp.frame_id == 100
    assert reader.lost == 99
    assert len(lift.frames) <= 32


def test_a_restarted_lifter_remembers_what_the_first_had_published(ring: Ring) -> None:
    write(ring, 10)
    ring.mark_consumed(6)
    lift, reader = Remembers(), ring.reader()
    assert reprime(lift, ring, reader, lift, skip_unread=False) == 6  # type: ignore[arg-type]
    assert lift.frames == [*range(1, 7)]
    assert (reader.position, reader.lost) == (6, 0)
