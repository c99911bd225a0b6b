"""Frames of several cameras to frames of the room, against the people who are in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from many_views import moment_s, posed
from room import cameras_round, wandering

from calibration.cameras.cameras_file import Cameras
from realtime.clock import NS_PER_S
from realtime.contracts import PoseFrame
from realtime.fusion.fuser import Fuser

ARRIVES_S = 0.05  # after it was captured
Covered = Callable[[int, float], bool]


def nowhere(camera: int, t_s: float) -> bool:
    return False


def run(
    walks: list[int], count: int = 3, seconds: float = 4.0, fps: float = 30.0, gone: Covered = nowhere,
    covered: Covered = nowhere, late_s: tuple[float, ...] = (0.0,) * 8, noise: float = 1.0,
    middles: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.9, 0.7), (-0.8, -0.6)), seed: int = 0,
    swaps_s: float = np.inf,
) -> tuple[list[PoseFrame], Fuser]:  # fmt: skip
    """Each camera sends its frames when they arrive; who is `covered` is not in them, a camera that is `gone` sends
    none. Cameras number people each in its own way, and exchange the numbers every `swaps_s`."""
    cameras, chance = cameras_round(count), np.random.default_rng(seed)
    fuser = Fuser(Cameras(tuple(cameras)))
    sizes = chance.normal(1, 0.05 * noise, (count, len(walks)))
    events = []
    for camera, placed in enumerate(cameras):
        for t_s in np.arange(camera * 0.007, seconds, 1 / fps):
            if gone(camera, t_s):
                continue
            both = zip(walks, middles, strict=False)
            people = [wandering(np.array([t_s + 5]), walk, middle)[0] for walk, middle in both]
            turn = camera + int((t_s + 0.3 * camera) / swaps_s)
            ids = [10 * camera + (row + turn) % len(walks) for row in range(len(walks))]
            if covered(camera, t_s):
                people, ids = people[:0], ids[:0]
            frame = posed(placed, people, t_s, ids, chance, noise, sizes[camera].tolist(), late_s[camera])
            events.append((moment_s(frame) + ARRIVES_S, placed.name, frame))
    out: list[PoseFrame] = []
    for arrives_s, name, frame in sorted(events, key=lambda event: event[0]):
        now_ns = round((arrives_s + 100) * NS_PER_S)
        fuser.see(name, frame, None, now_ns)
        out += fuser.due(now_ns)
    return out, fuser


def errors_m(frames: list[PoseFrame], walk: int, middle: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Of the nearest person in each frame, mean over joints."""
    truth = wandering(np.array([moment_s(frame) + 5 for frame in frames]), walk, middle)
    return np.array([
        min((np.linalg.norm(one.joints_m + one.root_m - true, axis=1).mean() for one in frame.persons), default=np.nan)
        for frame, true in zip(frames, truth, strict=True)
    ])  # fmt: skip


def test_one_person_is_one_pose_where_they_are() -> None:
    frames, _ = run([0])
    assert {len(frame.persons) for frame in frames[6:]} == {1}
    assert np.median(errors_m(frames[6:], 0)) < 0.04
    assert len({person.track_id for frame in frames for person in frame.persons}) == 1
    assert {frame.space for frame in frames} == {"world"}


def test_frames_come_at_an_even_pace_and_in_order() -> None:
    frames, _ = run([0])
    steps = np.diff([frame.stamp.capture_ns for frame in frames])
    assert steps.min() > 0
    np.testing.assert_allclose(steps[20:], NS_PER_S / 30, rtol=0.02)
    assert [frame.stamp.frame_id for frame in frames] == list(range(len(frames)))
    assert frames[0].appeared or any(frame.appeared for frame in frames[:8])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 500), people=st.integers(2, 3), count=st.integers(2, 4))
def test_people_keep_their_numbers_and_nobody_is_seen_twice(seed: int, people: int, count: int) -> None:
    walks = [seed, seed + 1, seed + 2][:people]
    frames, _ = run(walks, count, seed=seed)
    late = frames[30:]
    counts = [len(frame.persons) for frame in late]
    assert np.mean(np.array(counts) == people) > 0.95
    assert len({person.track_id for frame in late for person in frame.persons if not person.held}) <= people + 1


def test_a_camera_that_takes_one_for_the_other_confuses_nobody() -> None:
    frames, _ = run([3, 4], seconds=6.0, swaps_s=1.0, middles=((0.0, 0.0), (0.9, 0.7)))
    assert len({person.track_id for frame in frames[30:] for person in frame.persons}) == 2
    first = [min(frame.persons, key=lambda one: np.hypot(*(one.root_m[:2] - _hip(frame, 3)))).track_id
             for frame in frames[30:]]  # fmt: skip
    assert len(set(first)) == 1


def _hip(frame: PoseFrame, walk: int) -> np.ndarray:
    return np.asarray(wandering(np.array([moment_s(frame) + 5]), walk)[0, 0, :2])


def test_a_camera_that_dies_costs_accuracy_and_not_the_stream() -> None:
    def gone(camera: int, t_s: float) -> bool:
        return camera == 1 and t_s > 2.0

    whole, fuser = run([0], gone=gone)
    after = [frame for frame in whole if moment_s(frame) > 2.0]
    assert len(after) > 50
    assert all(frame.persons and not frame.persons[0].held for frame in after)
    assert np.median(errors_m(after, 0)) < 0.06
    assert len({frame.persons[0].track_id for frame in whole[3:]}) == 1
    cameras = fuser.doings()["cameras"]
    assert isinstance(cameras, dict)
    assert [cameras[name]["seeing"] for name in ("cam1", "cam2", "cam3")] == [True, False, True]


def test_while_a_camera_is_late_frames_wait_no_longer_than_they_must() -> None:
    """Half a second after its last frame a dead camera holds nobody up any more."""

    def gone(camera: int, t_s: float) -> bool:
        return camera == 2 and t_s > 1.0

    frames, fuser = run([0], gone=gone)
    newest_s = moment_s(frames[-1])
    assert newest_s > 4.0 - 0.2
    assert fuser.live(round(104.0 * NS_PER_S)) == ("cam1", "cam2")


def test_a_covered_camera_and_then_all_of_them() -> None:
    def covered(camera: int, t_s: float) -> bool:
        return 2.0 < t_s < 2.4 or (camera == 0 and t_s > 1.0)

    frames, _ = run([0], covered=covered)
    held = [moment_s(frame) for frame in frames if frame.persons and frame.persons[0].held]
    assert held
    assert all(1.9 < at_s < 2.6 for at_s in held)
    assert len({person.track_id for frame in frames for person in frame.persons}) == 1  # they are back as themselves


def test_one_camera_alone_gives_its_own_pose() -> None:
    frames, _ = run([0], count=1, noise=0.0)
    assert np.median(errors_m(frames[6:], 0)) < 0.01


@pytest.mark.parametrize("fps", [10.0, 60.0])
def test_any_rate_of_cameras(fps: float) -> None:
    frames, _ = run([0], fps=fps)
    assert len(frames) == pytest.approx(4 * fps, rel=0.15)
    assert np.median(errors_m(frames[6:], 0)) < 0.05


def test_clocks_that_lie_apart_are_found_and_made_up_for() -> None:
    late_s = (0.0, 0.13, -0.21)
    frames, fuser = run([0], seconds=14.0, late_s=late_s)
    found = fuser.clocks.offsets
    for one, true in zip(found[1:], late_s[1:], strict=True):
        assert one is not None
        assert one.seconds == pytest.approx(true, abs=0.006)
    settled = [frame for frame in frames if moment_s(frame) > 9]
    assert np.median(errors_m(settled, 0)) < 0.05
    before = [frame for frame in frames if 0.5 < moment_s(frame) < 2]
    assert np.median(errors_m(settled, 0)) < 0.7 * np.median(errors_m(before, 0))


def test_streams_of_other_names_are_not_ours() -> None:
    fuser = Fuser(Cameras(tuple(cameras_round(2))))
    frame = posed(cameras_round(1)[0], [wandering(np.array([0.0]))[0]], 0.0, [1], np.random.default_rng(0))
    fuser.see("elsewhere", frame, None, frame.stamp.capture_ns)
    assert list(fuser.due(frame.stamp.capture_ns + NS_PER_S)) == []
