"""What waits of one stream: its newest frames, on this machine's clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.lifting.load_lifter import load_lifter
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.config import PlaceConfig
from realtime.serve.seat import WAITING, WAITING_PAST, Seat, new_seat
from realtime.wire.joining import ACK_EVERY, PAST
from realtime.wire.messages import KeypointsMessage, PersonKeypoints

OFF = PlaceConfig(floor="off")


def message(seq: int, *, ahead_ns: int = 0, people: int = 1) -> KeypointsMessage:
    persons = tuple(PersonKeypoints(i, np.zeros((17, 2), np.float32), np.ones(17, np.float32)) for i in range(people))
    captured_ns = unix_ns() - 20_000_000 + ahead_ns
    return KeypointsMessage(
        "door", "life", seq, seq, captured_ns, captured_ns + 10_000_000, 0, seq * 33_333_333, (64, 48), 2, persons
    )


def seat(first_id: int = 0) -> Seat:
    with load_lifter() as lifter:
        return new_seat(
            "door", b"p", "", "life", 3, lifter=lifter, place=OFF, most_people=2, max_fps=60, first_id=first_id,
            now_ns=monotonic_ns(),
        )  # fmt: skip


def test_under_pressure_the_oldest_is_left_out_and_counted() -> None:
    door = seat()
    for seq in range(WAITING + 3):
        door.take(message(seq), monotonic_ns())
    assert [arrived.keypoints.stamp.frame_id for arrived in door.waiting] == [3, 4, 5, 6]
    assert door.left_out == 3
    assert door.counted(door.waiting[-1].keypoints).dropped == 2 + 3


def test_receipts_are_due_every_so_many_frames_left_out_or_not() -> None:
    door = seat()
    due = [door.take(message(seq), monotonic_ns()) for seq in range(ACK_EVERY)]
    assert due == [False] * (ACK_EVERY - 1) + [True]


def test_people_keep_their_order_and_get_ids_that_were_never_used() -> None:
    door = seat(first_id=7)
    door.take(message(0, people=3), monotonic_ns())
    assert [person.track_id for person in door.waiting[0].keypoints.persons] == [7, 8]  # two at most
    assert door.next_id == 9


def test_stamps_are_this_machines_and_never_in_the_future() -> None:
    door, now_ns = seat(), monotonic_ns()
    door.take(message(0), now_ns)
    door.take(message(1, ahead_ns=5 * NS_PER_S), now_ns)
    right, wrong = (arrived.keypoints for arrived in door.waiting)
    assert abs(now_ns - 20_000_000 - right.stamp.capture_ns) < 5_000_000_000
    assert right.stamp.capture_ns < right.detected_ns <= now_ns
    assert wrong.stamp.capture_ns <= wrong.detected_ns <= now_ns


def past(seq: int) -> KeypointsMessage:
    return replace(message(seq), past=True)


def test_of_the_past_as_much_is_taken_as_was_asked_for() -> None:
    door = seat()
    door.past_due = 3
    assert not any(door.take(past(seq), monotonic_ns()) for seq in range(2 * ACK_EVERY))  # and no receipts for it
    assert [arrived.keypoints.stamp.frame_id for arrived in door.waiting] == [0, 1, 2]
    assert all(arrived.past for arrived in door.waiting)
    assert door.newest_seq == -1


def test_new_frames_are_remembered_alone_until_the_past_is() -> None:
    door = seat()
    door.past_due = PAST
    for seq in range(WAITING + 2):
        door.take(past(seq), monotonic_ns())
    for seq in (20, 21):
        door.take(message(seq), monotonic_ns())
    assert [arrived.past for arrived in door.waiting] == [True] * (WAITING + 4)
    assert (door.left_out, door.newest_seq) == (0, 21)
    door.waiting.clear()  # worked on
    door.take(message(22), monotonic_ns())
    assert [arrived.past for arrived in door.waiting] == [False]
    door.take(past(23), monotonic_ns())  # it is live now
    assert len(door.waiting) == 1


def test_while_another_server_lifts_it_what_comes_is_past_and_bounded() -> None:
    door = seat()
    door.handover = True
    for seq in range(WAITING_PAST + 5):
        door.take(past(seq), monotonic_ns())
    assert len(door.waiting) == WAITING_PAST
    assert door.handover
    door.take(message(WAITING_PAST + 5), monotonic_ns())
    assert not door.handover
