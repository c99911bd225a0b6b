"""Pictures between two poses: when there is time for one, and where people are in it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_messages import message, person

from realtime.view.scene.between import Between, Pace
from realtime.view.scene.follow import Follow

MS = 1_000_000
STEP_NS = 33 * MS


def drawn(arrivals_ns: list[int], took_ns: int, *, smooth: bool) -> tuple[list[int], int]:
    """When the window begins to draw each pose, and how many pictures it draws in between."""
    pace, now_ns, begun_ns, between = Pace(), 0, [], 0
    for arrival_ns in arrivals_ns:
        while now_ns < arrival_ns:
            wait_ns = pace.wait_ns(now_ns) if smooth else None
            if wait_ns is None or now_ns + wait_ns >= arrival_ns:
                now_ns = arrival_ns
                break
            now_ns += wait_ns
            assert pace.due(now_ns)
            pace.drew(now_ns, now_ns + took_ns)
            now_ns, between = now_ns + took_ns, between + 1
        begun_ns.append(now_ns)
        pace.arrived(now_ns)
        pace.drew(now_ns, now_ns + took_ns)
        now_ns += took_ns
    return begun_ns, between


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(5, 50), st.integers(1, 60),
)  # fmt: skip
@settings(deadline=None)
def test_no_pose_is_drawn_later_for_a_picture_in_between(later_ms: list[int], soonest_ms: int, took_ms: int) -> None:
    """However unevenly poses come, as long as none follows another sooner than some pose lately did."""
    apart_ms = [value for late in later_ms for value in (soonest_ms, soonest_ms + late)]
    arrivals_ns = (np.cumsum([0, *apart_ms]) * MS).tolist()
    without, none = drawn(arrivals_ns, took_ms * MS, smooth=False)
    assert none == 0
    assert drawn(arrivals_ns, took_ms * MS, smooth=True)[0] == without


@pytest.mark.parametrize(("took_ms", "each"), [(2, 1), (12, 1), (20, 0), (50, 0)])
def test_thirty_poses_a_second_leave_time_for_one_more_picture_where_drawing_is_quick(took_ms: int, each: int) -> None:
    arrivals_ns = [index * STEP_NS for index in range(20)]
    assert drawn(arrivals_ns, took_ms * MS, smooth=True)[1] == 18 * each  # from the second interval on


def test_slow_streams_get_the_displays_rate() -> None:
    arrivals_ns = [index * 100 * MS for index in range(10)]
    assert drawn(arrivals_ns, 2 * MS, smooth=True)[1] == 8 * 5


def test_there_is_no_time_before_anything_is_known() -> None:
    pace = Pace()
    assert not pace.due(0)
    pace.arrived(0)
    pace.drew(0, MS)
    assert not pace.due(20 * MS)


def scene(*roots_m: tuple[float, float, float], held: bool = False, step_ns: int = STEP_NS) -> tuple[Follow, Between]:
    """People after as many messages as they have places, as they came in."""
    follow, between = Follow(), Between()
    for index, root_m in enumerate(roots_m):
        at = replace(message(person(1, root_m, held=held)), t_capture_ns=index * step_ns)
        follow.update(at)
        between.update(follow, index * step_ns, index * step_ns)
    return follow, between


def test_the_newest_pose_is_drawn_as_it_is() -> None:
    follow, between = scene((0, 0, 4), (0.05, 0, 4))
    seen = between.at(follow, STEP_NS)
    assert np.array_equal(seen.figures[0].joints_m, follow.figures[0].joints_m)
    assert np.array_equal(seen.target_m, follow.target_m)


@given(st.floats(-0.3, 0.3), st.integers(0, 10_000))
def test_who_moves_goes_on_the_same_way_but_never_beyond_the_next_step(step_m: float, later_ms: int) -> None:
    follow, between = scene((0, 0, 4), (step_m, 0, 4))
    moved_m = (between.at(follow, STEP_NS + later_ms * MS).figures[0].joints_m - follow.figures[0].joints_m)[:, 0]
    assert np.all(moved_m * step_m >= 0)
    assert np.abs(moved_m).max() <= abs(step_m)
    assert follow.figures[0].joints_m[0, 0] == pytest.approx(step_m)  # what came stays as it is


def test_a_walk_is_evener_with_pictures_in_between() -> None:
    follow, between = scene((0, 0, 4), (0.05, 0, 4))
    half = between.at(follow, STEP_NS + STEP_NS // 2).figures[0].joints_m[0, 0] - 0.05
    assert 0.010 < half < 0.025


def test_later_ones_stand_where_one_interval_took_them() -> None:
    follow, between = scene((0, 0, 4), (0.05, 0, 4))
    after = [between.at(follow, STEP_NS + wait).figures[0].joints_m for wait in (STEP_NS, 10 * STEP_NS)]
    assert np.array_equal(*after)


@pytest.mark.parametrize("case", [
    scene((0, 0, 4)),  # just came
    scene((0, 0, 4), (0.05, 0, 4), held=True),
    scene((0, 0, 4), (2.0, 0, 4)),  # another place
    scene((0, 0, 4), (0.5, 0, 4), step_ns=10**9),  # one pose a second
    scene((0, 0, 4), (math.nan,) * 3),
])  # fmt: skip
def test_who_did_not_move_on_from_the_pose_before_stands_still(case: tuple[Follow, Between]) -> None:
    follow, between = case
    seen = between.at(follow, 2 * STEP_NS)
    assert np.array_equal(seen.figures[0].joints_m, follow.figures[0].joints_m)


def test_slow_joints_hardly_go_on() -> None:
    follow, between = scene((0, 0, 4), (0.003, 0, 4))  # 0.09 m/s
    moved_m = between.at(follow, 2 * STEP_NS).figures[0].joints_m - follow.figures[0].joints_m
    assert np.abs(moved_m).max() < 0.0001
