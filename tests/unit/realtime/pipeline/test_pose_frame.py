from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.floor.ground import from_angles, save_ground
from calibration.lens.camera_file import save_camera
from calibration.lens.rays import Camera
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, PoseFrame, Stamp
from realtime.pipeline.confirm import CONFIRM_FRAMES
from realtime.pipeline.pose_frame import HOLD_NS, Lift
from realtime.pipeline.resample import GAP_NS

FRAME_NS = 33_333_333
FEET_SEEN = np.array([(320 + 5 * one, 375, 0.9) for one in range(4)], np.float32)
# A standing person, as parts of their height: x right, y down.
STANDING = np.array([
    (0, 0.52), (-0.06, 0.52), (-0.06, 0.75), (-0.06, 0.97), (0.06, 0.52), (0.06, 0.75), (0.06, 0.97), (0, 0.38),
    (0, 0.24), (0, 0.14), (0, 0.04), (0.11, 0.25), (0.14, 0.4), (0.15, 0.53),
    (-0.11, 0.25), (-0.14, 0.4), (-0.15, 0.53),
], np.float32)  # fmt: skip


def keypoints(frame: int, people: dict[int, float], image_wh: tuple[int, int] = (640, 480)) -> Keypoints2D:
    """People by track id, each at this x in pixels."""
    persons = tuple(
        Person2D(track_id, STANDING * 300 + np.array((x, 80), np.float32), np.full(17, 0.9, np.float32))
        for track_id, x in people.items()
    )
    at_ns = frame * FRAME_NS
    return Keypoints2D(Stamp(frame, at_ns, at_ns), image_wh, persons, at_ns, frame // 2)


@pytest.fixture(scope="module")
def lifter() -> Iterator[Lifter]:
    with load_lifter() as loaded:
        yield loaded


@pytest.fixture
def new_lift(lifter: Lifter) -> Callable[..., Lift]:
    return lambda people=1: Lift(lifter, PlaceConfig(), "demo", people)


def confirmed(lift: Lift, people: dict[int, float], frames: int = CONFIRM_FRAMES) -> PoseFrame:
    """The last of the first frames, after which these people are known to be there."""
    return [lift(keypoints(frame, people)) for frame in range(frames)][-1]


def ids(frame: PoseFrame) -> dict[int, bool]:
    """track id -> held"""
    return {person.track_id: person.held for person in frame.persons}


def test_a_person_is_placed_in_front_of_the_camera(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    for frame in range(10):
        poses = lift(keypoints(frame, {4: 320 + frame}))
    (person,) = poses.persons
    assert (person.track_id, person.held, poses.space, poses.scale) == (4, False, "camera", "assumed")
    assert 1 < person.root_m[2] < 8
    assert person.joints_m[10, 1] < -0.3 < 0.3 < person.joints_m[3, 1], "the head is up, the foot is down (y is down)"
    assert poses.dropped == 4
    assert poses.stamp.frame_id == 9


def test_a_person_out_of_sight_is_held_and_then_gone(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    last = confirmed(lift, {0: 320}).persons[0]
    for frame in range(CONFIRM_FRAMES, 40):
        poses = lift(keypoints(frame, {}))
        away_ns = (frame - CONFIRM_FRAMES + 1) * FRAME_NS
        assert ids(poses) == ({0: True} if away_ns <= HOLD_NS else {})
        for person in poses.persons:
            np.testing.assert_array_equal(person.joints_m, last.joints_m)
    back = [lift(keypoints(frame, {0: 320})) for frame in range(40, 45)]
    assert [ids(poses) for poses in back] == [{}] * 4 + [{0: False}], "confirmed anew"
    assert back[-1].persons[0].window_fill <= last.window_fill, "who returns starts anew"


def test_a_new_id_for_the_one_person_leaves_no_ghost(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    confirmed(lift, {0: 320})
    after = [ids(lift(keypoints(frame, {1: 330}))) for frame in range(5, 11)]
    assert after == [{0: True}] * 4 + [{1: False}] * 2, "the one is held until the other is confirmed"


def test_of_two_people_the_one_out_of_sight_is_held(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift(people=2)
    confirmed(lift, {0: 200, 1: 440})
    assert ids(lift(keypoints(5, {1: 440}))) == {1: False, 0: True}


def test_the_scale_of_a_frame_holds_for_everyone_in_it(lifter: Lifter, tmp_path: Path) -> None:
    save_ground(tmp_path / "ground.yaml", from_angles(1.2, 0, 0))
    lift = Lift(lifter, PlaceConfig(ground=tmp_path / "ground.yaml"), "demo", 2)
    scales = [lift(keypoints(frame, {0: 320})).scale for frame in range(60)]
    assert (scales[0], scales[-1]) == ("assumed", "measured"), "the floor tells the size of who stands on it"
    both = [lift(keypoints(frame, {1: 200, 0: 320})) for frame in range(60, 65)][-1]
    assert (both.scale, both.floor) == ("assumed", "measured"), "nothing tells the newcomer's size yet"


def test_a_frame_says_where_the_camera_is_and_how_wide_it_sees(lifter: Lifter, tmp_path: Path) -> None:
    save_camera(tmp_path / "camera.yaml", Camera.assumed((640, 480), 50), "lens", {"source": "angles"})
    ground = from_angles(1.2, -15, 3)
    save_ground(tmp_path / "ground.yaml", ground)
    alone = Lift(lifter, PlaceConfig(camera=tmp_path / "camera.yaml"), "demo", 1)(keypoints(0, {})).camera
    assert alone is not None
    assert alone.rotation is None
    place = PlaceConfig(camera=tmp_path / "camera.yaml", ground=tmp_path / "ground.yaml")
    placed = Lift(lifter, place, "demo", 1)(keypoints(0, {})).camera
    assert placed is not None
    assert placed.height_m == 1.2
    assert np.allclose(placed.rotation, ground.rotation, atol=1e-6)
    assert alone.hfov_deg == placed.hfov_deg == pytest.approx(50, abs=0.1)


def test_unseen_joints_are_not_a_person(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    confirmed(lift, {0: 320})
    blind = keypoints(5, {0: 320})
    blind.persons[0].xy_px[:] = np.nan
    assert ids(lift(blind)) == {0: True}


def test_another_picture_size_is_another_lens(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    near = confirmed(lift, {0: 320}).persons[0]
    far = [lift(keypoints(frame, {0: 320}, image_wh=(1280, 960))) for frame in range(60, 65)][-1].persons[0]
    assert far.root_m[2] > 1.5 * near.root_m[2], "as many pixels of a larger picture are a smaller angle"


def test_every_frame_says_that_its_lens_is_a_guess(lifter: Lifter, tmp_path: Path) -> None:
    path = tmp_path / "guess.yaml"
    save_camera(path, Camera.assumed((640, 480), 50), "guess", {"source": "guess"})
    assert Lift(lifter, PlaceConfig(camera=path), "demo", 1)(keypoints(0, {})).calibration.startswith("guess-")
    save_ground(tmp_path / "ground.yaml", from_angles(1.2, 0, 0))
    place = PlaceConfig(camera=path, ground=tmp_path / "ground.yaml")
    assert Lift(lifter, place, "demo", 1)(keypoints(0, {0: 320})).calibration.startswith("guess-")
    save_camera(path, Camera.assumed((640, 480), 50), "measured", {"source": "board"})
    assert "guess" not in Lift(lifter, place, "demo", 1)(keypoints(0, {})).calibration


def test_frames_never_mix_two_calibrations(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    place = PlaceConfig(camera=path)
    save_camera(path, Camera.assumed((640, 480), 50), "before")
    with load_lifter(lookahead=8) as lifter:
        lift = Lift(lifter, place, "demo", 2)
        before = [lift(keypoints(frame, {0: 200, 1: 440})) for frame in range(20)][-1]
        save_camera(path, Camera.assumed((640, 480), 90), "after")
        assert lift(keypoints(20, {0: 200, 1: 440})).calibration == before.calibration, "read at the start"
        fresh = Lift(lifter, place, "demo", 2)
        for frame in range(21, 30):
            seen = keypoints(frame, {1: 440}, (1280, 960))
            after, expected = lift(seen), fresh(seen)
            assert (after.calibration, ids(after)) == (expected.calibration, {1: False} if frame >= 25 else {})
            assert after.calibration != before.calibration
            for what in ("joints_m", "root_m", "sigma_m", "window_fill"):
                np.testing.assert_array_equal(
                    *([getattr(person, what) for person in poses.persons] for poses in (after, expected))
                )


def test_a_timeline_that_jumps_back_starts_anew(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    for frame in range(100, 110):
        lift(keypoints(frame, {0: 320}))
    assert ids(lift(keypoints(5, {}))) == {}


jumps = st.one_of(st.integers(-2 * 10**9, 2 * 10**9), st.sampled_from([-(10**14), -3600 * 10**9, 3600 * 10**9, 10**14]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(jumps, min_size=1, max_size=4), st.booleans())
def test_whoever_is_there_after_the_timeline_has_jumped_is_shown_anew(
    new_lift: Callable[..., Lift], jumps_ns: list[int], with_feet: bool
) -> None:
    """Forth or back by however much, also to before the first frame. A step back by less than a gap may be a frame out
    of order: it is waited for the time to be where it was."""
    lift, at_ns, newest_ns = new_lift(), 0, 0
    for number, jump_ns in enumerate([0, *jumps_ns]):
        at_ns += jump_ns
        behind = -(-max(0, newest_ns - at_ns) // FRAME_NS) if newest_ns - at_ns <= GAP_NS else 0
        for frame in range(behind + 20):
            seen = keypoints(frame + 20 * number, {0: 320})
            persons = tuple(replace(one, feet=FEET_SEEN if with_feet else None) for one in seen.persons)
            poses = lift(replace(seen, stamp=replace(seen.stamp, source_ns=at_ns), persons=persons))
            assert all(np.isfinite(one.joints_m).all() for one in poses.persons)
            newest_ns, at_ns = at_ns, at_ns + FRAME_NS
        assert ids(poses) == {0: False}
        assert np.isfinite(poses.persons[0].root_m).all()


def test_with_look_ahead_the_pose_is_placed_where_the_person_was() -> None:
    with load_lifter(lookahead=8) as late, load_lifter() as prompt:
        lifts = [Lift(lifter, PlaceConfig(), "demo", 1) for lifter in (late, prompt)]
        walk = [keypoints(frame, {0: 150 + 8 * frame}) for frame in range(40)]
        poses = [[lift(seen).persons for seen in walk] for lift in lifts]
    roots = [[persons[0].root_m[0] for persons in all_of_one if persons] for all_of_one in poses]
    walked_m = roots[1][-1] - roots[1][-9]
    assert walked_m > 0.2
    assert abs(roots[0][-1] - roots[1][-9]) < 0.35 * walked_m


class _Late:
    """A lifter whose poses claim to be of long ago, as those of a 243-frame window are."""

    lag_frames = 121

    def __init__(self, lifter: Lifter) -> None:
        self._lifter = lifter

    def __getattr__(self, name: str) -> object:
        return getattr(self._lifter, name)


def test_the_longest_lag_still_finds_what_was_seen_then(lifter: Lifter) -> None:
    walk = [keypoints(frame, {0: 150 + 2 * frame}) for frame in range(180)]
    prompt, late = (Lift(one, PlaceConfig(), "demo", 1) for one in (lifter, _Late(lifter)))
    roots = [poses.persons[0].root_m[0] for poses in map(prompt, walk) if poses.persons]
    last = [late(seen) for seen in walk][-1].persons[0].root_m[0]
    assert abs(last - roots[-122]) < 0.1 * (roots[-1] - roots[-122])


def crawling(frame: int) -> Keypoints2D:
    """What is seen of somebody, lying across the picture, far from where they were a frame before."""
    seen = keypoints(frame, {0: 320})
    seen.persons[0].xy_px[:] = seen.persons[0].xy_px[:, ::-1] + np.array([80 * (frame % 3), 0], np.float32)
    return seen


def test_a_false_detection_is_never_seen(new_lift: Callable[..., Lift]) -> None:
    lift = new_lift()
    shown = [ids(lift(crawling(frame) if frame < 4 else keypoints(frame, {}))) for frame in range(40)]
    assert shown == [{}] * 40


def test_what_was_false_leaves_no_trace_in_who_is_there(new_lift: Callable[..., Lift]) -> None:
    lift, fresh = new_lift(), new_lift()
    for frame in range(3):
        lift(crawling(frame))
        fresh(keypoints(frame, {}))
    for frame in range(3, 40):
        one, other = (each(keypoints(frame, {0: 320})) for each in (lift, fresh))
        assert ids(one) == ids(other) == ({0: False} if frame >= 7 else {})
        for person, expected in zip(one.persons, other.persons, strict=True):
            np.testing.assert_allclose(person.joints_m, expected.joints_m, atol=1e-5)
            np.testing.assert_allclose(person.root_m, expected.root_m, atol=1e-5)


@pytest.mark.parametrize(("hz", "first"), [(120, 12), (30, 4), (10, 3), (5, 1), (1, 0)])
def test_a_person_is_confirmed_in_a_fraction_of_a_second_at_any_rate(
    new_lift: Callable[..., Lift], hz: int, first: int
) -> None:
    lift = new_lift()
    for index in range(40):  # an empty room, so that the rate is known
        lift(at_rate(index - 40, hz, {}))
    shown = [bool(lift(at_rate(index, hz, {0: 320})).persons) for index in range(first + 5)]
    assert shown == [index >= first for index in range(first + 5)]


def at_rate(index: int, hz: int, people: dict[int, float]) -> Keypoints2D:
    seen = keypoints(0, people)
    at_ns = 100_000_000_000 + round(index * 1e9 / hz)
    return Keypoints2D(Stamp(index + 100, at_ns, at_ns), seen.image_wh, seen.persons, at_ns, 0)


@pytest.mark.parametrize("built", [True, False])
def test_why_no_plan_runs_reaches_the_terminal_of_who_has_built_one(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, built: bool
) -> None:
    """Processes hand on what is logged below `realtime`, and nothing else. Others are told nothing of plans."""
    monkeypatch.setattr("engines.plans.fitting.has_plans", lambda: built)
    with caplog.at_level(logging.INFO, "realtime"), load_lifter():
        said = [record.message for record in caplog.records if record.name.startswith("realtime.")]
    assert any("runs" in line for line in said) == built
