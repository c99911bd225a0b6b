from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from walkers import moments, seen, standing, walking

from calibration.floor.footing import FOOTHOLDS
from calibration.floor.ground import Ground, from_angles
from calibration.floor.learn_floor import GOOD_DEG, FloorLearner

Array64 = NDArray[np.float64]
Person = Callable[[float], Array64]
CAMERA = from_angles(1.5, -10, 3)


def walker(t_s: float) -> Array64:
    return walking(t_s, 0.0, 5.0)


def learned(ground: Ground, people: list[Person], seconds: float = 6.0, seed: int = 0) -> FloorLearner:
    learner = FloorLearner()
    rng = np.random.default_rng(seed)
    for t_s in moments(seconds):
        learner.push(t_s, [
            seen(number, person(t_s), ground, rng.normal(0, (0.004, 0.004, 0.02), (17, 3)))
            for number, person in enumerate(people)
        ])  # fmt: skip
    return learner


def tilt_deg(found: Ground, ground: Ground) -> float:
    return float(np.degrees(np.arccos(np.clip(found.up @ ground.up, -1, 1))))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 3), st.floats(-30, 15), st.floats(-10, 10))
def test_a_walk_tells_which_way_is_up_and_where_the_floor_is(height: float, pitch: float, roll: float) -> None:
    ground = from_angles(height, pitch, roll)
    learner = learned(ground, [walker])
    assert learner.ground is not None
    assert (learner.ground.source, learner.ground.scale, learner.moves) == ("person", "assumed", 0)
    assert tilt_deg(learner.ground, ground) < 3 * learner.ground.normal_sigma_deg < 3.01 * GOOD_DEG
    feet = (np.array([0, 5, 0]) - (0, 0, height)) @ ground.rotation
    assert learner.ground.to_world(feet)[2] == pytest.approx(0, abs=0.08)


def test_a_floor_is_given_out_only_once_it_is_known_well_enough() -> None:
    learner = FloorLearner()
    known = []
    for t_s in moments(6):
        learner.push(t_s, [seen(0, walker(t_s), CAMERA)])
        known.append(learner.ground is not None)
    first = known.index(True)
    assert first > 15, "not from the first steps"
    assert all(known[first:])


def test_the_floor_is_below_who_stands_on_a_box() -> None:
    def on_box(t_s: float) -> Array64:
        return standing(1.8, 4.5, z=0.5, facing=2.5)

    alone, both = learned(CAMERA, [walker]), learned(CAMERA, [walker, on_box])
    assert both.ground is not None
    assert alone.ground is not None
    assert both.ground.height_m == pytest.approx(alone.ground.height_m, abs=0.06)
    assert tilt_deg(both.ground, CAMERA) < 2


def lying(t_s: float) -> Array64:
    return standing(0, 0)[:, [0, 2, 1]] * (1, 1, -1) + (0, 4.5, 1.0)


def sitting(t_s: float) -> Array64:
    body = standing(1.5, 4.5, facing=2.8)
    hip, knees = body[0].copy(), body[[2, 5]]
    drop = hip[2] - 0.45
    above = [0, 1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    body[above] -= (0, 0, drop)
    body[above] += (0, 0.4, 0)
    body[[2, 5]] = knees * (1, 1, 0) + (0, 0, 0.47)
    return body


def jumping(t_s: float) -> Array64:
    share = (t_s % 1.0) / 0.5
    return standing(1.5, 4.5, z=0.6 * share * (1 - share) * 4 / 2 if share < 1 else 0.0, facing=2.8)


@pytest.mark.parametrize("other", [lying, sitting, jumping])
def test_who_sits_jumps_or_lies_breaks_nothing(other: Person) -> None:
    learner = learned(CAMERA, [walker, other], seconds=8)
    assert learner.ground is not None
    assert tilt_deg(learner.ground, CAMERA) < 2
    assert learner.moves == 0


@pytest.mark.parametrize("other", [lying, sitting])
def test_nobody_who_sits_or_lies_alone_makes_a_floor(other: Person) -> None:
    assert learned(CAMERA, [other], seconds=8).ground is None


def test_a_person_who_climbs_a_chair_leaves_the_floor_where_it_is() -> None:
    learner = learned(CAMERA, [lambda t_s: walker(t_s) if t_s < 8 else standing(0, 4.5, 0.45, 3.0)], seconds=14)
    assert learner.ground is not None
    assert learner.ground.height_m == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("turned", [from_angles(1.5, -22, 3), from_angles(1.5, 2, 3), from_angles(1.9, -10, 3)])
def test_a_moved_camera_is_noticed_within_three_seconds_and_the_floor_learned_anew(turned: Ground) -> None:
    learner = FloorLearner()
    for t_s in moments(7):
        learner.push(t_s, [seen(0, standing(-0.5, 4.5, facing=3), CAMERA), seen(1, walker(t_s), CAMERA)])
    assert learner.ground is not None
    assert learner.moves == 0
    noticed = []
    for t_s in moments(9, start_s=7):
        learner.push(t_s, [seen(0, standing(-0.5, 4.5, facing=3), turned), seen(1, walker(t_s), turned)])
        noticed.append(learner.moves)
    assert noticed[3 * 15 - 1] == 1
    assert noticed[-1] == 1
    assert learner.ground is not None
    assert tilt_deg(learner.ground, turned) < 2.5


def test_a_panned_camera_is_noticed() -> None:
    learner = FloorLearner()
    for t_s in moments(10):
        share = float(np.clip((t_s - 7) / 0.5, 0, 1))
        c, s = np.cos(0.17 * share), np.sin(0.17 * share)
        pan = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        learner.push(t_s, [seen(0, walker(t_s) @ pan, CAMERA), seen(1, standing(1.5, 5) @ pan, CAMERA)])
        assert learner.moves == 0 or t_s > 7
    assert learner.moves == 1


def test_what_is_given_out_never_leaps() -> None:
    learner = FloorLearner()
    rng = np.random.default_rng(1)
    before = None
    for t_s in moments(20):
        learner.push(t_s, [seen(0, walker(t_s), CAMERA, rng.normal(0, (0.01, 0.01, 0.06), (17, 3)))])
        if before is not None and learner.ground is not None and learner.moves == 0:
            assert tilt_deg(learner.ground, before) < 0.3 / 15 + 0.02
            assert abs(learner.ground.height_m - before.height_m) < 0.03 / 15 + 1e-6
        before = learner.ground


def test_memory_does_not_grow_with_people_or_time() -> None:
    learner = FloorLearner()
    for t_s in moments(60):
        number = int(t_s * 2)
        learner.push(t_s, [seen(number, walker(t_s), CAMERA)])
    assert len(learner._people) <= 8
    assert all(len(footing.footholds) <= FOOTHOLDS for footing in learner._people.values())


def test_a_timeline_that_jumps_and_joints_that_are_unknown_are_survived() -> None:
    learner = FloorLearner()
    for t_s in (*moments(3), *moments(3), *moments(4, start_s=1e6)):
        learner.push(t_s, [seen(0, walker(t_s), CAMERA), seen(1, np.full((17, 3), np.nan), CAMERA)])
        learner.push(t_s, [])
    assert learner.plane is not None
