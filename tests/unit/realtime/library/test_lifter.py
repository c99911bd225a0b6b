"""Three lines of Python: the live walk without processes, frame by frame and whole, bit for bit the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keypoint_files import SIZE, person

import realtime
from calibration.floor.ground import from_angles
from calibration.lens.rays import Camera
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, PoseFrame, Stamp
from realtime.pipeline.pose_frame import Lift

FIELDS = ("joints_m", "root_m", "sigma_m")


def live(keypoints: Any, times_ns: list[int]) -> list[PoseFrame]:
    """What the lifter process makes of one person's frames."""
    with load_lifter() as lifter:
        lift = Lift(lifter, PlaceConfig(floor="off"), "nowhere", 1, given=True)
        frames = []
        for i, (xy_px, at_ns) in enumerate(zip(keypoints, times_ns, strict=True)):
            people = (Person2D(0, xy_px, np.ones(17, np.float32)),) if np.isfinite(xy_px).any() else ()
            frames.append(lift(Keypoints2D(Stamp(i, at_ns, at_ns), SIZE, people, at_ns, 0)))
            lift.finish()
        return frames


def two_people(frames: int) -> np.ndarray:
    one, other = (person(frames, seed=seed)["keypoints_px"] for seed in (0, 1))
    return np.stack([one - np.array((150, 0)), other + np.array((150, 0))], 1)


@settings(max_examples=6, deadline=None)
@given(
    steps_ms=st.lists(st.integers(5, 120), min_size=20, max_size=40), start_s=st.sampled_from([0.0, 12.5, 90_000.25]),
    gone=st.sets(st.integers(3, 19), max_size=4),
)  # fmt: skip
def test_poses_are_the_live_ones_bit_for_bit(steps_ms: list[int], start_s: float, gone: set[int]) -> None:
    times_ns = (np.cumsum([0, *steps_ms]) * 1_000_000 + int(start_s * 1e9)).tolist()
    keypoints = person(len(times_ns))["keypoints_px"]
    keypoints[sorted(gone)] = np.nan
    expected = live(keypoints, times_ns)
    seconds = np.array(times_ns) / 1e9
    whole = realtime.lift(keypoints, t=seconds, image_wh=SIZE)
    with realtime.Lifter(people=1) as lifter:
        for i, frame in enumerate(expected):
            pose = lifter(keypoints[i], None, seconds[i], image_wh=SIZE)
            assert len(pose.persons) == len(frame.persons)
            for ours, theirs in zip(pose.persons, frame.persons, strict=True):
                for name in FIELDS:
                    np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
                    if not theirs.held:
                        np.testing.assert_array_equal(getattr(whole, name)[i], getattr(theirs, name))
                assert (ours.id, ours.held, ours.unseen) == (theirs.track_id, theirs.held, theirs.unseen)
    assert np.flatnonzero(whole.held).tolist() == sorted(gone)


def test_several_people_by_their_numbers() -> None:
    keypoints = two_people(20)
    whole = realtime.lift(keypoints, fps=30, image_wh=SIZE, ids=[7, 3])
    assert whole.joints_m.shape == (20, 2, 17, 3)
    assert whole.ids.tolist() == [7, 3]
    with realtime.Lifter() as lifter:
        for i, both in enumerate(keypoints):
            order = [0, 1] if i % 2 else [1, 0]  # numbers tell who is who, places do not
            pose = lifter(both[order], None, i / 30, image_wh=SIZE, ids=np.array([7, 3])[order])
            of = {one.id: one for one in pose.persons}
            for column, number in enumerate((7, 3)):
                np.testing.assert_allclose(of[number].joints_m, whole.joints_m[i, column], atol=1e-5)
    left, right = (np.nanmedian(whole.root_m[:, column, 0]) for column in (0, 1))
    assert left < 0 < right


def test_somebody_who_leaves_is_held_for_a_moment() -> None:
    keypoints = person(60)["keypoints_px"]
    with realtime.Lifter() as lifter:
        for i in range(20):
            pose = lifter(keypoints[i], None, i / 30, image_wh=SIZE)
        for i in range(20, 60):
            pose = lifter(None, None, i / 30, image_wh=SIZE)
            assert [one.held for one in pose.persons] == ([True] if i / 30 - 19 / 30 <= 0.5 else [])


def test_camera_floor_and_person_are_used(tmp_path: Any) -> None:
    keypoints = person(30)["keypoints_px"]
    plain = realtime.lift(keypoints, fps=30, image_wh=SIZE)
    assert (plain.space, plain.calibration, set(plain.scale)) == ("camera", "", {"assumed"})
    wide = realtime.lift(keypoints, fps=30, image_wh=SIZE, camera=Camera.assumed((1280, 960), 90.0))
    assert np.nanmedian(wide.root_m[:, 2]) < 0.8 * np.nanmedian(plain.root_m[:, 2])
    placed = realtime.lift(keypoints, fps=30, image_wh=SIZE, ground=from_angles(1.2))
    assert placed.space == "world"
    assert placed.joints_m[-1, 10, 2] > 0.3  # the head is above the hip, along z
    with pytest.raises(UserError, match="nobody called 'stranger'"):
        realtime.Lifter(person="stranger")
    with pytest.raises(UserError, match="leave out person"):
        realtime.lift(two_people(5), fps=30, image_wh=SIZE, person=someone())


def someone() -> Any:
    from calibration.person.body_scale import BodyScale

    return BodyScale("someone", 1.8)


def test_look_ahead_gives_rows_of_their_own_frames() -> None:
    """A figure that rises at once: rows lead, they do not lag."""
    keypoints = np.repeat(person(1)["keypoints_px"], 60, 0)
    keypoints[30:, 13] -= (0, 60)  # a wrist
    ahead = realtime.lift(keypoints, fps=30, image_wh=SIZE, lookahead=8)
    assert ahead.lag_frames == 8
    moved = np.linalg.norm(ahead.joints_m[:, 13] - ahead.joints_m[10, 13], axis=-1)
    assert moved[20] < 0.05
    assert moved[34] > 0.1
    with realtime.Lifter(lookahead=8) as lifter:
        late = [lifter(xy, None, i / 30, image_wh=SIZE).persons[0].joints_m[13] for i, xy in enumerate(keypoints)]
    np.testing.assert_allclose(np.stack(late)[20:50], ahead.joints_m[12:42, 13], atol=0.02)


def test_reset_forgets() -> None:
    keypoints = person(20)["keypoints_px"]
    with realtime.Lifter() as lifter:
        runs = []
        for _ in range(2):
            runs.append([lifter(xy, None, i / 30, image_wh=SIZE).persons[0].joints_m for i, xy in enumerate(keypoints)])
            with pytest.raises(UserError, match="ran backwards"):
                lifter(keypoints[0], None, 0.0, image_wh=SIZE)
            lifter.reset()
    np.testing.assert_array_equal(np.stack(runs[0]), np.stack(runs[1]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keypoints": np.zeros((16, 2))}, "16 joints, which no skeleton has"),
        ({"keypoints": np.zeros((17, 3))}, "give x and y alone, and scores apart"),
        ({"keypoints": np.zeros((2, 3, 17, 2))}, r"expected \(joints, 2\)"),
        ({"keypoints": np.full((17, 2), np.inf)}, "infinities"),
        ({"keypoints": "xy"}, "not numbers"),
        ({"scores": np.ones(16)}, r"scores has shape \(16,\)"),
        ({"scores": np.full(17, 87.0)}, "outside 0 to 1"),
        ({"t": np.nan}, "not finite"),
        ({"t": [1.0]}, "one number"),
        ({"image_wh": None}, r"image_wh is missing: give .* such as \(1280, 720\)"),
        ({"image_wh": (640, 480, 3)}, r"image_wh has shape \(3,\): give two numbers"),
        ({"image_wh": 640}, r"image_wh has shape \(\)"),
        ({"ids": [1, 2]}, "ids must be 1 different numbers"),
    ],
)
def test_what_cannot_be_lifted_is_refused(lifter: realtime.Lifter, change: dict[str, Any], says: str) -> None:
    whole = {"keypoints": person(1)["keypoints_px"][0], "scores": None, "t": 0.0, "image_wh": SIZE, **change}
    keypoints, scores, t = (whole.pop(name) for name in ("keypoints", "scores", "t"))
    with pytest.raises(UserError, match=says):
        lifter(keypoints, scores, t, **whole)


@pytest.fixture
def lifter() -> Any:
    with realtime.Lifter() as one:
        yield one


@pytest.mark.parametrize(
    ("options", "says"),
    [({"skeleton": "coco"}, "no skeleton 'coco'"), ({"lookahead": 3}, "look-ahead 3"), ({"model": "none"}, "no model"),
     ({"camera": "none.yaml"}, "none.yaml"), ({"engine": "warp"}, "engine")],
)  # fmt: skip
def test_wrong_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        realtime.Lifter(**options)


def test_good_keypoints_give_no_warning() -> None:
    with warnings.catch_warnings(), realtime.Lifter() as lifter:
        warnings.simplefilter("error")
        for i, xy in enumerate(person(20)["keypoints_px"]):
            lifter(xy, None, i / 30, image_wh=SIZE)
