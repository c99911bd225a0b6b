"""Ids follow people."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.clock import NS_PER_S
from realtime.tracking.track import Tracker

FRAME_NS = NS_PER_S // 30
RNG = np.random.default_rng(7)
BODY = (RNG.uniform(0, 1, (17, 2)) * [60, 180]).astype(np.float32)


def at(x: float, y: float = 0.0) -> np.ndarray:
    return BODY + np.float32([x, y])


def test_ids_follow_people_whatever_the_order_they_are_found_in() -> None:
    tracker = Tracker()
    assert tracker.assign([at(0), at(400)], 0) == [0, 1]
    assert tracker.assign([at(405), at(6)], FRAME_NS) == [1, 0]


def test_the_nearest_pair_is_matched_first() -> None:
    tracker = Tracker()
    tracker.assign([at(0), at(60)], 0)
    assert tracker.assign([at(40), at(61)], FRAME_NS) == [0, 1]


def test_an_id_survives_a_gap_of_less_than_three_seconds() -> None:
    tracker = Tracker()
    tracker.assign([at(0)], 0)
    tracker.assign([], NS_PER_S // 2)
    assert tracker.assign([at(50)], round(0.9 * NS_PER_S)) == [0]
    assert tracker.assign([at(90)], round(3.8 * NS_PER_S)) == [0]


def test_someone_who_comes_back_later_is_someone_new() -> None:
    tracker = Tracker()
    tracker.assign([at(0)], 0)
    assert tracker.assign([at(0)], round(3.1 * NS_PER_S)) == [1]


def test_who_was_seen_for_a_moment_is_not_waited_for() -> None:
    tracker = Tracker()
    for frame in range(6):
        tracker.assign([at(0)], frame * FRAME_NS)
    for frame in range(6, 60):
        tracker.assign([], frame * FRAME_NS)
    assert tracker.assign([at(0)], 60 * FRAME_NS) == [1]


@given(st.floats(0.4, 60))
def test_whoever_stays_keeps_their_id_at_any_rate(rate_hz: float) -> None:
    tracker = Tracker()
    assert {tracker.assign([at(2 * frame)], round(frame * NS_PER_S / rate_hz))[0] for frame in range(20)} == {0}


def test_a_jump_across_the_picture_is_someone_new() -> None:
    tracker = Tracker()
    tracker.assign([at(0)], 0)
    assert tracker.assign([at(500)], FRAME_NS) == [1]


def test_joints_that_are_missing_are_left_out_of_the_comparison() -> None:
    tracker = Tracker()
    tracker.assign([at(0)], 0)
    half = at(3)
    half[::2] = np.nan
    assert tracker.assign([half], FRAME_NS) == [0]
    assert tracker.assign([np.full((17, 2), np.nan, np.float32)], 2 * FRAME_NS) == [1]


@given(
    walks=st.lists(st.lists(st.floats(-12, 12), min_size=1, max_size=20), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_people_apart_keep_their_ids_however_they_move_and_are_listed(
    walks: list[list[float]], order: object
) -> None:
    tracker = Tracker()
    length = min(map(len, walks))
    identity: dict[int, int] = {}
    for frame in range(length):
        people = list(range(len(walks)))
        order.shuffle(people)  # type: ignore[attr-defined]
        places = [at(1000 * person + sum(walks[person][: frame + 1])) for person in people]
        ids = tracker.assign(places, frame * FRAME_NS)
        assert len(set(ids)) == len(people)
        for person, track_id in zip(people, ids, strict=True):
            assert identity.setdefault(person, track_id) == track_id
