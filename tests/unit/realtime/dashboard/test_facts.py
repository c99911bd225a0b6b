"""What is said of a stream: its state in words, its figures, its people."""

from __future__ import annotations

import math

import pytest
from pose_messages import message, person

from realtime.clock import NS_PER_S
from realtime.dashboard.facts import HISTORY_S, Facts

FRAME_NS = NS_PER_S // 30


def test_before_anything_comes_it_waits() -> None:
    facts = Facts(0)
    facts.tick(0.0, None, NS_PER_S // 2)
    assert (facts.state, facts.well, facts.people, facts.fps) == ("waiting for the stream", False, [], 0.0)
    assert all(math.isnan(value) for value in facts.latency_ms)
    facts.tick(0.0, {"state": "starting"}, NS_PER_S)
    assert facts.state == "starting"


def test_the_states_of_a_stream_that_is_there() -> None:
    facts = Facts(0)
    held = person(held=True)
    for persons, state in (((person(),), "running"), ((), "nobody in view"), ((held,), "held: not seen now"),
                           ((held, person(2)), "running")):  # fmt: skip
        facts.pose(message(*persons), FRAME_NS)
        facts.tick(30.0, {"state": "running"}, FRAME_NS)
        assert (facts.state, facts.well, facts.fps) == (state, True, 30.0)


def test_silence_is_told_in_seconds_and_has_no_rate() -> None:
    facts = Facts(0)
    facts.pose(message(person()), 0)
    facts.tick(30.0, {"state": "running"}, 12 * NS_PER_S)
    assert (facts.state, facts.well, facts.fps) == ("silent for 12 s", False, 0.0)
    facts.tick(30.0, {"state": "stopped"}, 12 * NS_PER_S)
    assert facts.state == "stopped"


def test_another_session_is_a_reconnection_for_a_moment() -> None:
    facts = Facts(0)
    facts.pose(message(person(), new_session=True), 0)
    facts.tick(30.0, None, 1)
    assert facts.state == "running"
    facts.pose(message(person(), new_session=True), 10 * NS_PER_S)
    facts.tick(30.0, None, 11 * NS_PER_S)
    assert facts.state == "reconnected"
    facts.pose(message(person()), 14 * NS_PER_S)
    facts.tick(30.0, None, 14 * NS_PER_S)
    assert facts.state == "running"


def test_each_second_has_its_rate_and_its_median_latency() -> None:
    facts = Facts(0)
    for at, latency_ms in enumerate((10, 20, 90)):
        facts.pose(message(person(), latency_ms=latency_ms), at)
    facts.tick(25.0, None, NS_PER_S)
    facts.tick(26.0, None, NS_PER_S + NS_PER_S // 2)
    facts.tick(27.0, None, 2 * NS_PER_S)
    assert list(facts.fps_history) == [25.0, 0.0]  # nothing came in the second one
    assert facts.latency_history_ms[0] == 20
    assert math.isnan(facts.latency_history_ms[1])
    assert facts.latency_ms == (pytest.approx(20), pytest.approx(88.6))


def test_history_is_bounded_however_long_nobody_looked() -> None:
    facts = Facts(0)
    facts.tick(1.0, None, 10 * HISTORY_S * NS_PER_S)
    assert len(facts.fps_history) == HISTORY_S


def test_people_are_as_far_as_their_space_says() -> None:
    facts = Facts(0)
    facts.pose(message(person(), gap=3), 0)
    (one,) = facts.people
    assert (one.id, one.held, one.unseen, one.window_fill) == (1, False, 2, 0.5)
    assert one.distance_m == pytest.approx(5.0)
    assert one.sigma_m == pytest.approx(0.02)
    facts.pose(message(person(root_m=(3.0, 4.0, 0.9)), person(2, (math.nan,) * 3), gap=2, space="world"), 0)
    world, nowhere = facts.people
    assert world.distance_m == pytest.approx(5.0)  # over the floor
    assert math.isnan(nowhere.distance_m)
    assert facts.missed == 5


def test_a_silence_whose_reason_is_known_is_told_with_it() -> None:
    facts = Facts(0)
    facts.pose(message(person()), 0)
    facts.tick(30.0, {"state": "restarting", "why": "it hung", "processes": {}}, 2 * NS_PER_S)
    assert facts.state == "silent for 2 s (restarting: it hung)"
