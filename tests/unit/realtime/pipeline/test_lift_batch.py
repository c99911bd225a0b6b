"""People with a clock and lifter streams each, stepped together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.pipeline.lift_batch import MOST_AT_ONCE, People, Sighting, push_together


@pytest.fixture(scope="module")
def lifter() -> Iterator[Lifter]:
    with load_lifter(lookahead=2) as lifter:
        yield lifter


def sighting(track_id: int, t: int) -> Sighting:
    rng = np.random.default_rng(track_id)
    rays = rng.normal(0, 0.1, (17, 2)) + np.sin(t / 10 + rng.uniform(0, 6, (17, 2))) * 0.02
    return Sighting(track_id, rays.astype(np.float32), np.ones(17, np.float32))


def test_people_together_get_the_poses_they_get_alone(lifter: Lifter) -> None:
    """Two cameras' worth of clocks: one person is missing from every third frame and so needs ticks in between."""
    together, apart = People(lifter), {1: People(lifter), 2: People(lifter)}
    for t in range(20):
        seen = [sighting(1, t)] + ([sighting(2, t)] if t % 3 else [])
        poses = together.push(t * 33_333_333, seen)
        assert set(poses) == {person.track_id for person in seen}
        for person in seen:
            alone = apart[person.track_id].push(t * 33_333_333, [person])[person.track_id]
            assert np.abs(alone.joints_m - poses[person.track_id].joints_m).max() < 1e-4
            assert alone.source_ns == poses[person.track_id].source_ns
    for people in (together, *apart.values()):
        people.drop(1)
        people.drop(2)


def test_pose_time_is_that_of_the_frame_so_many_ticks_ago(lifter: Lifter) -> None:
    people = People(lifter)
    times = [t * 33_333_333 for t in range(10)]
    poses = [people.push(time_ns, [sighting(3, t)])[3] for t, time_ns in enumerate(times)]
    assert [pose.source_ns for pose in poses] == times[:1] * 2 + times[:-2]
    people.drop(3)


def test_dropped_people_free_their_streams(lifter: Lifter) -> None:
    people = People(lifter)
    for t in range(40):  # 60 fps: two streams each
        people.push(t * 16_666_667, [sighting(1, t), sighting(2, t)])
    people.drop(1)
    people.drop(2)
    people.drop(2)
    first = lifter.open()
    lifter.close(first)
    assert first == 0


def test_nobody_in_view_is_no_pose(lifter: Lifter) -> None:
    assert People(lifter).push(0, []) == {}


def test_cameras_together_get_the_poses_they_get_alone(lifter: Lifter) -> None:
    """More cameras than one call takes, each with a clock of its own and people of the same ids."""
    count = MOST_AT_ONCE + 3
    together, apart = [People(lifter) for _ in range(count)], [People(lifter) for _ in range(count)]
    for t in range(4):
        frames = [
            (t * (30_000_000 + 2_000_000 * camera), [sighting(100 * camera + t % 2, t)] if camera % 5 else [])
            for camera in range(count)
        ]
        lifted = push_together(
            lifter, [(people, *frame) for people, frame in zip(together, frames, strict=True)]
        )
        for people, frame, poses in zip(apart, frames, lifted, strict=True):
            alone = people.push(*frame)
            assert alone.keys() == poses.keys()
            for track_id, pose in alone.items():
                assert np.abs(pose.joints_m - poses[track_id].joints_m).max() < 1e-4
                assert pose.source_ns == poses[track_id].source_ns
    for people in (*together, *apart):
        people.clear()
