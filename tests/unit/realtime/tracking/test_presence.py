"""Who is published, and what is told of who came and went."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.tracking.presence import Presence

FRAME_NS = 100_000_000
ZEROS, ONES = np.zeros((17, 3), np.float32), np.ones(17, np.float32)
BODY_PX = np.random.default_rng(3).uniform(0, 1, (17, 2)).astype(np.float32)


def frame(index: int, away_m: dict[int, float], space: str = "camera") -> PoseFrame:
    def root(metres: float) -> np.ndarray:
        return np.array((0, metres, 1) if space == "world" else (0, 1, metres), np.float32)

    persons = tuple(Pose3D(who, ZEROS, root(metres), ONES, ONES, 0, 1.0, False) for who, metres in away_m.items())
    return PoseFrame(Stamp(index, index * FRAME_NS, index * FRAME_NS), (640, 480), persons, space)


def keypoints(index: int, size_px: dict[int, float]) -> Keypoints2D:
    persons = tuple(Person2D(who, BODY_PX * np.float32(size), ONES) for who, size in size_px.items())
    return Keypoints2D(Stamp(index, index * FRAME_NS, index * FRAME_NS), (640, 480), persons, 0, 0)


def shown(presence: Presence, index: int, away_m: dict[int, float], size_px: dict[int, float] | None = None,
          space: str = "camera") -> list[int]:  # fmt: skip
    told = presence.told(frame(index, away_m, space), keypoints(index, size_px or {}))
    return [person.track_id for person in told.persons]


def test_who_comes_and_goes_is_told_once() -> None:
    presence = Presence()
    events = []
    for index, there in enumerate(({}, {4: 3.0}, {4: 3.0}, {4: 3.0, 5: 2.0}, {5: 2.0, 4: 3.0}, {5: 2.0, 6: 1.0}, {})):
        told = presence.told(frame(index, there), keypoints(index, {}))
        assert [person.track_id for person in told.persons] == list(there)
        events.append((told.appeared, told.left))
    assert events == [((), ()), ((4,), ()), ((), ()), ((5,), ()), ((), ()), ((6,), (4,)), ((), (5, 6))]


@pytest.mark.parametrize("space", ["camera", "world"])
def test_the_nearest_is_followed_and_not_left_for_a_moments_passer_by(space: str) -> None:
    presence = Presence("nearest")
    assert shown(presence, 0, {1: 4.0, 2: 3.0}, space=space) == [2]
    for index in range(1, 6):
        assert shown(presence, index, {1: 1.0, 2: 3.0}, space=space) == [2]
    for index in range(6, 40):
        assert shown(presence, index, {1: 2.9, 2: 3.0}, space=space) == [2]
    followed = [shown(presence, index, {1: 2.0, 2: 3.0}, space=space) for index in range(40, 55)]
    assert followed == [[2]] * 10 + [[1]] * 5


def test_when_the_followed_one_leaves_another_is_followed() -> None:
    presence = Presence("nearest")
    assert shown(presence, 0, {1: 4.0, 2: 3.0}) == [2]
    told = presence.told(frame(1, {1: 4.0}), keypoints(1, {}))
    assert ([person.track_id for person in told.persons], told.appeared, told.left) == ([1], (1,), (2,))
    assert shown(presence, 2, {}) == []


def test_the_largest_in_the_picture_is_followed_while_out_of_sight_too() -> None:
    presence = Presence("largest")
    assert shown(presence, 0, {1: 4.0, 2: 3.0}, {1: 300, 2: 200}) == [1]
    for index in range(1, 20):  # held: nothing of them is seen
        assert shown(presence, index, {1: 4.0, 2: 3.0}, {2: 200}) == [1]


def test_an_id_is_waited_for_and_nobody_else_is_shown() -> None:
    presence = Presence("7")
    assert shown(presence, 0, {1: 4.0}) == []
    assert shown(presence, 1, {1: 4.0, 7: 9.0}) == [7]
    assert shown(presence, 2, {1: 4.0}) == []


def test_who_cannot_be_placed_is_not_nearest() -> None:
    presence = Presence("nearest")
    assert shown(presence, 0, {1: float("nan"), 2: 9.0}) == [2]
    assert shown(Presence("nearest"), 0, {1: float("nan")}) == [1]
