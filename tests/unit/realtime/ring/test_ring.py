from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.errors import UserError
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.ring import segment
from realtime.ring.ring import Ring


def keypoints(frame_id: int, people: int = 1) -> Keypoints2D:
    """Every number of the record tells which frame it belongs to."""
    persons = tuple(
        Person2D(100 * frame_id + p, np.full((17, 2), frame_id + p, np.float32), np.full(17, 1 / (1 + p), np.float32))
        for p in range(people)
    )
    stamp = Stamp(frame_id, frame_id * 1000, frame_id * 2000)
    return Keypoints2D(stamp, (640, 480), persons, frame_id * 3000, frame_id)


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring.create(f"test-{uuid.uuid4().hex}", slots=8, max_people=3)
    yield made
    made.close()
    made.unlink()


def test_a_record_comes_out_as_it_went_in(ring: Ring) -> None:
    reader = ring.reader()
    written = keypoints(7, people=3)
    ring.write(written)
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert (read.stamp, read.image_wh, read.detected_ns, read.dropped) == (
        written.stamp, written.image_wh, written.detected_ns, written.dropped,
    )  # fmt: skip
    for a, b in zip(read.persons, written.persons, strict=True):
        assert a.track_id == b.track_id
        np.testing.assert_array_equal(a.xy_px, b.xy_px)
        np.testing.assert_array_equal(a.score, b.score)
        assert a.xy_px.dtype == np.float32


@pytest.mark.parametrize(("name", "points"), [("feet", 4), ("hands", 6)])
def test_feet_and_hands_go_with_their_people_and_are_not_there_without(ring: Ring, name: str, points: int) -> None:
    reader = ring.reader()
    plain, own = keypoints(1, people=2), np.arange(points * 3, dtype=np.float32).reshape(points, 3)
    walkers = tuple(replace(person, **{name: own + row}) for row, person in enumerate(plain.persons))
    for sample in (replace(plain, persons=walkers, repeated=True), plain):
        ring.write(sample)
    with_own, without = (reader.read_next(timeout_s=0) for _ in range(2))
    assert with_own is not None
    assert with_own.repeated
    other = "hands" if name == "feet" else "feet"
    for row, person in enumerate(with_own.persons):
        np.testing.assert_array_equal(getattr(person, name), own + row)
        assert getattr(person, other) is None
    assert without is not None
    assert not without.repeated
    assert [person.feet for person in without.persons] == [person.hands for person in without.persons] == [None, None]


def test_missing_joints_stay_missing(ring: Ring) -> None:
    reader = ring.reader()
    sample = keypoints(1)
    sample.persons[0].xy_px[3] = np.nan
    ring.write(sample)
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert np.isnan(read.persons[0].xy_px[3]).all()
    assert np.isfinite(np.delete(read.persons[0].xy_px, 3, axis=0)).all()


def test_a_frame_with_nobody_is_a_record(ring: Ring) -> None:
    reader = ring.reader()
    ring.write(keypoints(1, people=0))
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert read.persons == ()


def test_nothing_new_is_none(ring: Ring) -> None:
    ring.write(keypoints(1))
    assert ring.reader().read_next(timeout_s=0.001) is None


def test_readers_do_not_take_from_each_other(ring: Ring) -> None:
    first, second = ring.reader(), ring.reader()
    for number in range(1, 4):
        ring.write(keypoints(number))
    for reader in (first, second):
        assert [k.stamp.frame_id for k in iter(lambda r=reader: r.read_next(0), None)] == [1, 2, 3]


def test_an_overrun_reader_resumes_at_the_newest_and_counts(ring: Ring) -> None:
    reader = ring.reader()
    for number in range(1, 21):
        ring.write(keypoints(number))
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert read.stamp.frame_id == 20
    assert reader.lost == 19
    assert reader.read_next(timeout_s=0) is None


def test_history_is_in_order_and_reading_goes_on_behind_it(ring: Ring) -> None:
    reader = ring.reader()
    for number in range(1, 13):
        ring.write(keypoints(number))
    assert [k.stamp.frame_id for k in reader.history(5)] == [8, 9, 10, 11, 12]
    assert [k.stamp.frame_id for k in reader.history(100)] == [5, 6, 7, 8, 9, 10, 11, 12]
    assert [k.stamp.frame_id for k in reader.history(3, last=9)] == [7, 8, 9]
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert read.stamp.frame_id == 10


def test_latest_skips_to_the_newest(ring: Ring) -> None:
    reader = ring.reader()
    assert reader.latest() is None
    for number in range(1, 4):
        ring.write(keypoints(number))
    latest = reader.latest()
    assert latest is not None
    assert latest.stamp.frame_id == 3
    assert reader.read_next(timeout_s=0) is None


def test_an_attached_ring_sees_the_same_records(ring: Ring) -> None:
    other = Ring.attach(ring.name)
    try:
        reader = other.reader()
        ring.write(keypoints(5))
        read = reader.read_next(timeout_s=0)
        assert read is not None
        assert read.stamp.frame_id == 5
        other.mark_consumed(1)
        assert ring.consumed == 1
        ring.finish()
        assert other.finished
    finally:
        other.close()


def test_a_writer_that_died_in_the_middle_is_continued(ring: Ring) -> None:
    ring.write(keypoints(1))
    ring._words[(64 + 2 * ring._slot_bytes) // 8] = 2 * 2 - 1  # record 2 was begun and never finished
    second = Ring.attach(ring.name)
    reader = ring.reader()
    try:
        assert ring.record(2) is None
        second.write(keypoints(2))
    finally:
        second.close()
    read = reader.read_next(timeout_s=0)
    assert read is not None
    assert read.stamp.frame_id == 2


def test_too_many_persons_are_refused(ring: Ring) -> None:
    with pytest.raises(ValueError, match="4 persons in a ring made for 3"):
        ring.write(keypoints(1, people=4))


def test_attach_without_a_ring_says_so() -> None:
    with pytest.raises(UserError, match="realtime run"):
        Ring.attach("no-such-ring")


def test_a_name_is_taken_once(ring: Ring) -> None:
    with pytest.raises(ValueError, match="exists already"):
        Ring.create(ring.name)


def test_a_foreign_segment_is_refused() -> None:
    name = f"test-{uuid.uuid4().hex}"
    foreign = segment.Segment.create(name, 4096)
    try:
        with pytest.raises(UserError, match="another version"):
            Ring.attach(name)
    finally:
        foreign.close()
        foreign.unlink()


def test_sweep_removes_only_what_nobody_holds(ring: Ring) -> None:
    orphan = Ring.create(f"test-{uuid.uuid4().hex}", slots=8)
    path = orphan._segment.path
    held = ring._segment.path
    assert path not in segment.sweep()
    orphan.close()
    assert path in segment.sweep()
    assert not path.exists()
    assert held.exists()


def test_sweep_leaves_other_files_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no /dev/shm, segments lie among everything else in the temporary directory."""
    monkeypatch.setattr(segment, "directory", lambda: tmp_path)
    film = tmp_path / "realtime-20260101-120000.mp4"
    film.write_bytes(b"a film")
    left = tmp_path / f"{segment.PREFIX}ring-1"
    left.touch()
    assert segment.sweep() == [left]
    assert film.exists()


def test_no_room_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(segment, "directory", lambda: tmp_path / "absent")
    with pytest.raises(UserError, match="make room"):
        Ring.create("anything")
