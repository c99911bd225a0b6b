"""Where people stand in the scene, and how the camera follows them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from realtime.view.scene.follow import MOST_PEOPLE, Follow, upright
from realtime.wire.messages import PersonPose, PoseMessage

JOINTS_M = np.zeros((17, 3), np.float32)
JOINTS_M[[3, 6], 1], JOINTS_M[10, 1] = 0.9, -0.7  # camera axes: y down
ONES = np.ones(17, np.float32)


def person(number: int, root_m: tuple[float, float, float] = (0, 0, 4), joints_m: np.ndarray = JOINTS_M) -> PersonPose:
    return PersonPose(number, joints_m, np.array(root_m, np.float32), ONES * 0.03, ONES, 0, 1.0, held=False)


def message(time_s: float, *persons: PersonPose, space: str = "camera") -> PoseMessage:
    capture_ns = int(time_s * 1e9)
    return PoseMessage("main", "s", 0, 0, capture_ns, capture_ns + 52_000_000, (640, 480), space, "assumed", "h36m-17",
                       "", "onnxruntime", "stream-243", 0, 0, persons)  # fmt: skip


def test_camera_and_world_axes_both_end_upright() -> None:
    assert upright(np.array((1.0, 2.0, 3.0)), "camera").tolist() == [1, -2, -3]
    assert upright(np.array((1.0, 3.0, -2.0)), "world").tolist() == [1, -2, -3]


def test_the_first_person_is_cut_to_and_stands_on_the_floor() -> None:
    follow = Follow()
    follow.update(message(0))
    follow.update(message(1, person(7, (1, 0.2, 5))))
    assert follow.target_m[[0, 2]].tolist() == [1, -5]
    ankle = follow.figures[0].joints_m[3, 1]
    assert 0 < ankle - follow.floor_y < 0.15
    assert follow.floor_y < follow.target_m[1] < follow.figures[0].joints_m[10, 1]


def test_the_camera_keeps_up_with_somebody_who_walks_on() -> None:
    follow = Follow()
    for index in range(200):
        follow.update(message(index / 30, person(1, (1.4 * index / 30, 0, 4))))
    assert abs(follow.target_m[0] - 1.4 * 199 / 30) < 0.02


def test_the_camera_cuts_to_somebody_else_but_not_away_from_who_stays() -> None:
    follow = Follow()
    follow.update(message(0, person(1)))
    follow.update(message(1 / 30, person(1), person(2, (2, 0, 4))))
    assert follow.target_m[0] < 0.2
    follow.update(message(2 / 30, person(3, (1.5, 0, 4))))
    assert math.isclose(follow.target_m[0], 1.5)


def test_the_camera_glides_over_noise_and_cuts_at_jumps_and_gaps() -> None:
    follow = Follow()
    follow.update(message(0, person(1)))
    follow.update(message(1 / 30, person(1, (0.2, 0, 4))))
    assert 0 < follow.target_m[0] < 0.06
    follow.update(message(2 / 30, person(1, (5, 0, 4))))
    assert math.isclose(follow.target_m[0], 5)
    follow.update(message(9, person(1, (5.5, 0, 4))))
    assert math.isclose(follow.target_m[0], 5.5)


def test_a_jump_does_not_lift_the_floor() -> None:
    follow = Follow()
    follow.update(message(0, person(1)))
    before = follow.floor_y
    for index in range(1, 10):  # a third of a second in the air
        follow.update(message(index / 30, person(1, (0, -0.4, 4))))
    assert follow.floor_y - before < 0.12


def test_a_world_floor_is_at_its_zero() -> None:
    follow = Follow()
    standing = np.zeros((17, 3), np.float32)
    standing[[3, 6], 2] = -0.8
    follow.update(message(0, person(1, (0, 4, 1.0), standing), space="world"))
    assert follow.floor_y == 0


def test_people_keep_their_tints_while_others_come_and_go() -> None:
    follow = Follow()
    follow.update(message(0, person(5), person(9)))
    follow.update(message(1, person(9)))
    assert [figure.slot for figure in follow.figures] == [1]
    follow.update(message(2, person(9), person(11)))
    assert [figure.slot for figure in follow.figures] == [1, 0]


def test_a_crowd_is_cut_to_what_can_be_shown() -> None:
    follow = Follow()
    follow.update(message(0, *(person(number) for number in range(20))))
    assert sorted(figure.slot for figure in follow.figures) == list(range(MOST_PEOPLE))


@pytest.mark.parametrize("space", ["camera", "world"])
def test_people_without_a_place_stand_apart_at_a_fixed_distance(space: str) -> None:
    follow = Follow()
    nowhere = (math.nan,) * 3
    follow.update(message(0, person(1, nowhere), person(2, nowhere), space=space))
    roots = np.stack([figure.joints_m[0] for figure in follow.figures])
    assert np.isfinite(roots).all()
    assert np.allclose(roots[:, 2], -4)
    assert abs(roots[0, 0] - roots[1, 0]) == 1


def test_feet_that_rest_on_the_floor_are_marked_and_those_that_move_or_float_are_not() -> None:
    follow = Follow()
    raised = JOINTS_M.copy()
    raised[3, 1] -= 0.4
    for index in range(3):
        raised[6, 0] = 0.001 * index
        follow.update(message(index / 30, person(1, joints_m=raised.copy())))
    assert follow.figures[0].standing == (False, True)  # right, left
    raised[6, 0] += 0.1
    follow.update(message(0.1, person(1, joints_m=raised)))
    assert follow.figures[0].standing == (False, False)


def test_a_trail_is_of_one_person_and_ends_where_the_view_cuts() -> None:
    follow = Follow()
    for index in range(10):
        follow.update(message(index / 30, person(1, (0.02 * index, 0, 4)), person(2, (1, 0, 4))))
    assert [len(trail) for trail in follow.trails_m.values()] == [10, 10]
    assert follow.trails_m[0][-1][0] == pytest.approx(0.18)
    follow.update(message(0.4, person(2, (1, 0, 4))))
    assert list(follow.trails_m) == [1]
    follow.update(message(9, person(3)))
    assert [len(trail) for trail in follow.trails_m.values()] == [1]


def test_who_lies_or_has_no_place_is_on_the_floor() -> None:
    follow = Follow()
    follow.update(message(0, person(1)))
    lying = JOINTS_M[:, [1, 0, 2]].copy()
    lying[12, 1] = 0.1  # an elbow is lowest
    for index in range(1, 90):
        follow.update(message(index / 30, person(1, (0, 0.7, 4), lying), person(2, (math.nan,) * 3)))
        for figure in follow.figures:
            assert figure.joints_m[:, 1].min() >= follow.floor_y - 1e-6 or index < 30
    assert follow.figures[1].joints_m[:, 1].min() - follow.floor_y < 0.1


@pytest.mark.parametrize("space", ["camera", "world"])
def test_nobody_is_under_the_floor(space: str) -> None:
    """Not who comes into view below somebody on a roof, not who is placed too far away."""
    up = -JOINTS_M[:, [0, 2, 1]] if space == "world" else JOINTS_M  # feet 0.9 m below the hip
    roof, ground = ((0, 4, 3.0), (2, 4, 0.8)) if space == "world" else ((0, -1, 4), (2, 1.2, 4))
    follow = Follow()
    for index in range(60):
        seen = [person(1, roof, up)] + ([person(2, ground, up)] if index >= 30 else [])
        follow.update(message(index / 30, *seen, space=space))
        for figure in follow.figures:
            assert figure.joints_m[:, 1].min() - follow.floor_y >= 0.05
    assert np.ptp([figure.joints_m[0, 1] for figure in follow.figures]) > 2  # he stays on his roof


def test_the_floor_follows_somebody_who_only_seems_to_rise() -> None:
    follow = Follow()
    for index in range(120):  # half a metre in four seconds: the distance is learned
        follow.update(message(index / 30, person(1, (0, -0.5 * index / 120, 4))))
    sole = follow.figures[0].joints_m[[3, 6], 1].min() - 0.07
    assert 0 <= sole - follow.floor_y < 0.12


def test_everybody_is_in_the_picture_at_all_times() -> None:
    follow = Follow()
    rng = np.random.default_rng(0)
    for index in range(120):
        apart = 3.0 if index % 40 > 20 else 0.5
        follow.update(message(index / 30, person(1, (-apart, 0, 4)), person(2, (apart + rng.normal(0, 0.1), 0, 5))))
        reach = max(np.linalg.norm(figure.joints_m - follow.target_m, axis=1).max() for figure in follow.figures)
        assert reach < follow.radius_m
