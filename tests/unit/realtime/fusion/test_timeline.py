"""What a camera saw, read between its frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from many_views import posed
from room import cameras_round, stand_m, wandering

from calibration.floor.ground import Ground
from realtime.clock import NS_PER_S
from realtime.contracts import PoseFrame
from realtime.fusion.timeline import Timeline

CAMERA = cameras_round(1)[0]


def frame(t_s: float, ids: tuple[int, ...] = (7,)) -> PoseFrame:
    body = wandering(np.array([t_s]))[0]
    return posed(CAMERA, [body] * len(ids), t_s, ids, np.random.default_rng(0), noise=0.0)


def timeline(*times_s: float) -> Timeline:
    made = Timeline(0)
    for t_s in times_s:
        made.push(frame(t_s), None, round((t_s + 100.02) * NS_PER_S))
    return made


def at(made: Timeline, t_s: float) -> list[int]:
    return [sight.track_id for sight in made.at(round((t_s + 100) * NS_PER_S))]


@given(share=st.floats(0, 1))
def test_between_two_frames_joints_lie_between(share: float) -> None:
    made = timeline(1.0, 1.1)
    (sight,) = made.at(round((101 + 0.1 * share) * NS_PER_S))
    earlier, later = (CAMERA.to_camera(wandering(np.array([t_s]))[0]) for t_s in (1.0, 1.1))
    np.testing.assert_allclose(sight.seen.joints_m, (1 - share) * earlier + share * later, atol=1e-4)


def test_nothing_is_known_inside_of_a_gap_nor_long_after_the_newest_frame() -> None:
    made = timeline(1.0, 1.5)
    assert at(made, 1.25) == []
    assert at(made, 1.5) == at(made, 1.6) == [7]
    assert at(made, 1.8) == at(made, 0.5) == []


def test_a_frame_that_is_older_than_the_one_before_is_left_out() -> None:
    made = timeline(1.0, 1.1, 1.05)
    assert made.newest is not None
    assert made.newest[0] == round(101.1 * NS_PER_S)


def test_the_rate_and_the_delay_are_those_of_the_last_frames() -> None:
    made = timeline(1.0, 1.1, 1.2, 1.3)
    assert made.interval_ns == pytest.approx(0.1 * NS_PER_S, rel=1e-6)
    assert made.late_ns == pytest.approx(0.02 * NS_PER_S, rel=1e-3)
    assert made.live(round(101.6 * NS_PER_S))
    assert not made.live(round(102.0 * NS_PER_S))


def test_poses_on_a_floor_are_brought_back_to_the_camera() -> None:
    ground = Ground(CAMERA.rotation.T, float(stand_m(CAMERA)[2]))
    seen = frame(2.0)
    person = seen.persons[0]
    moved = PoseFrame(seen.stamp, seen.image_wh, (type(person)(
        person.track_id, ground.turn(person.joints_m).astype(np.float32),
        ground.to_world(person.root_m).astype(np.float32), person.sigma_m, person.score, 0, 1.0, held=False,
    ),), space="world")  # fmt: skip
    made = Timeline(0)
    made.push(moved, ground, seen.stamp.capture_ns)
    np.testing.assert_allclose(made.at(seen.stamp.capture_ns)[0].seen.joints_m,
                               CAMERA.to_camera(wandering(np.array([2.0]))[0]), atol=1e-4)  # fmt: skip
