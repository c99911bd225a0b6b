"""Whose turn it is, and that a round's poses are those of each stream alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from many_producers import bodies_m

from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.clock import monotonic_ns
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, PoseFrame, Stamp
from realtime.pipeline.lift_batch import MOST_AT_ONCE
from realtime.serve.rounds import lift_round
from realtime.serve.seat import Arrived, Seat, new_seat

OFF = PlaceConfig(floor="off")


@pytest.fixture(scope="module")
def lifter() -> Iterator[Lifter]:
    with load_lifter() as lifter:
        yield lifter


def seat(lifter: Lifter, stream: str) -> Seat:
    return new_seat(
        stream, stream.encode(), "", "life", 3, lifter=lifter, place=OFF, most_people=1, max_fps=60, first_id=0,
        now_ns=0,
    )  # fmt: skip


def waits(one: Seat, frame_id: int, received_ns: int) -> None:
    points = bodies_m(one.stream)[frame_id] + np.array([0, 0, 4.0])
    person = Person2D(0, np.float32(points[:, :2] / points[:, 2:] * 500 + 320), np.ones(17, np.float32))
    keypoints = Keypoints2D(Stamp(frame_id, 0, frame_id * 33_333_333), (640, 640), (person,), 0, 0)
    one.waiting.append(Arrived(keypoints, received_ns))


def lifted(lifter: Lifter, seats: list[Seat]) -> list[tuple[str, PoseFrame]]:
    """Of one round, in the order of their publication."""
    found: list[tuple[str, PoseFrame]] = []
    count = lift_round(lifter, seats, lambda one, frame, _: found.append((one.stream, frame)), lambda *_: None)
    assert count == len(found)
    return found


def published(lifter: Lifter, seats: list[Seat]) -> list[tuple[str, PoseFrame]]:
    """As `lifted`, where some of it may be of the past."""
    found: list[tuple[str, PoseFrame]] = []
    lift_round(lifter, seats, lambda one, frame, _: found.append((one.stream, frame)), lambda *_: None)
    return found


def test_who_waited_longest_comes_first_and_nobody_twice_in_a_round(lifter: Lifter) -> None:
    seats = [seat(lifter, f"s{number}") for number in range(MOST_AT_ONCE + 2)]
    for number, one in enumerate(seats):
        waits(one, 0, 1000 - number)  # the last ones wait longest
    for frame_id in (1, 2, 3):
        waits(seats[-1], frame_id, frame_id)  # a fast one
    rounds = [[stream for stream, _ in lifted(lifter, seats)] for _ in range(5)]
    everyone = [one.stream for one in reversed(seats)]
    assert rounds == [everyone[:MOST_AT_ONCE], [everyone[0], *everyone[MOST_AT_ONCE:]], everyone[:1], everyone[:1], []]
    for one in seats:
        one.forget_people()


def test_a_stream_beside_others_has_the_poses_that_it_has_alone(lifter: Lifter) -> None:
    together, alone = [seat(lifter, f"s{number}") for number in range(5)], [seat(lifter, f"s{n}") for n in range(5)]
    for frame_id in range(8):
        for one in (*together, *alone):
            waits(one, frame_id, monotonic_ns())
        beside = dict(lifted(lifter, together))
        for one in alone:
            ((stream, frame),) = lifted(lifter, [one])
            assert len(frame.persons) == len(beside[stream].persons) == (frame_id >= 4)  # confirmed by then
            for person, other in zip(frame.persons, beside[stream].persons, strict=True):
                assert np.abs(person.joints_m - other.joints_m).max() < 1e-4
                assert np.abs(person.root_m - other.root_m).max() < 1e-3
    for one in (*together, *alone):
        one.forget_people()


@pytest.mark.parametrize("half", ["look", "place"])
def test_what_fails_in_one_stream_is_said_once_and_ends_no_other(
    lifter: Lifter, half: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = seat(lifter, "good"), seat(lifter, "bad")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("of course")

    monkeypatch.setattr(bad.lift, half, fail)
    for frame_id in range(3):
        for one in (bad, good):
            waits(one, frame_id, frame_id)
        found: list[str] = []
        lift_round(lifter, [bad, good], lambda one, *_, found=found: found.append(one.stream), lambda *_: None)
        assert found == ["good"]
    assert [record.getMessage() for record in caplog.records] == ["a frame of 'bad' could not be lifted"]
    good.forget_people()


def test_what_was_seen_before_is_remembered_behind_new_frames_and_not_published(lifter: Lifter) -> None:
    """The stream then goes on as one that was here all the time."""
    came, stayed = seat(lifter, "s1"), seat(lifter, "s1")
    for frame_id in range(30):
        waits(stayed, frame_id, frame_id)
        lifted(lifter, [stayed])
        waits(came, frame_id, frame_id)
        came.waiting[-1] = replace(came.waiting[-1], past=True)
    waits(stayed, 30, 10**6)  # it came later, and is first
    assert [stream for stream, _ in published(lifter, [came, stayed])] == ["s1"]
    for _ in range(29):
        assert not published(lifter, [came])
    waits(came, 31, 31)
    waits(stayed, 31, 31)
    waits(came, 30, 30)
    came.waiting.rotate(1)
    came.waiting[0] = replace(came.waiting[0], past=True)
    assert not published(lifter, [came])
    ((_, frame),), ((_, known),) = published(lifter, [came]), published(lifter, [stayed])
    assert np.abs(frame.persons[0].joints_m - known.persons[0].joints_m).max() < 1e-4
    assert np.abs(frame.persons[0].root_m - known.persons[0].root_m).max() < 1e-3
    came.forget_people()
    stayed.forget_people()
