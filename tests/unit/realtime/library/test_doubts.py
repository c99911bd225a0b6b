"""Nothing is swallowed in silence: what is likely wrong with keypoints is named with its remedy; good ones pass."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keypoint_files import SIZE, person, run

import realtime
from engines.errors import UserError
from engines.keypoints.joint_order import looks_like_coco
from engines.models.source_skeletons import SKELETONS

FRAMES = 30
XY = person(FRAMES)["keypoints_px"].astype(np.float64)
WIDE = (1280, 720)
_SHARED = Path(__file__).resolve().parents[5] / "shared" / "videos"


def coco_of(xy: np.ndarray) -> np.ndarray:
    """The figure's joints in COCO's order, with a face."""
    names = SKELETONS["h36m17"].joints
    out = np.empty_like(xy)
    for name, place in SKELETONS["coco17"].joints.items():
        out[:, place] = xy[:, names[name]] if name in names else xy[:, names["neck"]]
    out[:, 1:5] += np.array([(3, -4), (-3, -4), (8, -2), (-8, -2)])
    return out


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "COCO's order named as ours": ({"keypoints": coco_of(XY), "skeleton": "h36m17"}, "COCO's order.*name the skeleton"),
    "parts of the picture": ({"keypoints": XY / SIZE}, "parts of the picture do: multiply them by image_wh"),
    "milliseconds": ({"t": np.arange(FRAMES) * 33.3}, "as milliseconds do: divide it by 1000"),
    "nanoseconds": ({"t": np.arange(FRAMES) * 33_333_333}, "as nanoseconds do: divide it by 1e9"),
    "float32 Unix times": ({"t": (1.767e9 + np.arange(FRAMES) / 30).astype(np.float32)}, "float32.*in float64"),
    "one time": ({"t": np.full(FRAMES, 1.767e9)}, "the same for most frames"),
    "image_wh of another shape": ({"image_wh": np.zeros((FRAMES, 2))}, r"shape \(30, 2\): give two numbers"),
}  # fmt: skip
DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "COCO's order": ({"keypoints": coco_of(XY)}, "taken so: name the skeleton, coco17"),
    "y up": ({"keypoints": XY * (1, -1) + (0, 480)}, r"upside down in .*give image_wh\[1\] - y"),
    "zeros for missing joints": ({"keypoints": np.where(np.arange(17)[:, None] == 16, 0, XY)},
                                 r"30 joints of .* exactly \(0, 0\).*write NaN"),
    "another picture": ({"image_wh": (160, 120)}, "far outside of a picture of 160x120: give the size"),
    "(height, width)": ({"keypoints": XY + np.array((600, 0)), "image_wh": WIDE[::-1]}, r"image_wh as \(1280, 720\)"),
    "a slow camera": ({"t": np.arange(FRAMES) * 0.8}, "each is lifted by itself"),
}  # fmt: skip


def given(change: dict[str, Any]) -> dict[str, Any]:
    fields = {"keypoints": XY, "t": np.arange(FRAMES) / 30, "image_wh": SIZE}
    return fields | change


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_with_their_cause(mistake: str) -> None:
    change, says = MISTAKES[mistake]
    with pytest.raises(UserError, match=says):
        realtime.lift(**given(change))


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubts_are_said_and_lifted(doubt: str) -> None:
    change, says = DOUBTS[doubt]
    with pytest.warns(realtime.KeypointsWarning, match=says):
        assert np.isfinite(realtime.lift(**given(change)).joints_m).all()


def test_cocos_order_is_lifted_as_what_it_is() -> None:
    with pytest.warns(realtime.KeypointsWarning):
        recognised = realtime.lift(**given({"keypoints": coco_of(XY)}))
    named = realtime.lift(**given({"keypoints": coco_of(XY), "skeleton": "coco17"}))
    np.testing.assert_array_equal(recognised.joints_m, named.joints_m)
    off = np.linalg.norm(named.joints_m[-1] - realtime.lift(**given({})).joints_m[-1], axis=-1)
    assert off.mean() < 0.1  # 0.7 m as ours


def test_zeros_are_lifted_as_missing() -> None:
    keypoints = XY.copy()
    keypoints[:, 16] = np.nan
    missing = realtime.lift(**given({"keypoints": keypoints}))
    with pytest.warns(realtime.KeypointsWarning):
        zeros = realtime.lift(**given(DOUBTS["zeros for missing joints"][0]))
    np.testing.assert_array_equal(zeros.joints_m, missing.joints_m)
    scores = np.ones((FRAMES, 17))
    scores[:, 16] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a score of 0 says it
        realtime.lift(**given({**DOUBTS["zeros for missing joints"][0], "scores": scores}))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"keypoints": XY / SIZE}, "multiply them"), ({"keypoints": coco_of(XY)}, "COCO's order"),
     ({"t": np.arange(FRAMES) * 33.3}, "milliseconds")],
)  # fmt: skip
def test_frame_by_frame_mistakes_are_refused_within_ten_frames(change: dict[str, Any], says: str) -> None:
    fields = given(change)
    first = itertools.islice(zip(fields["keypoints"], fields["t"], strict=True), 10)
    with realtime.Lifter() as lifter, pytest.raises(UserError, match=says):
        [lifter(xy, None, at_s, image_wh=fields["image_wh"]) for xy, at_s in first]


@pytest.mark.parametrize("doubt", ["y up", "zeros for missing joints", "another picture"])
def test_frame_by_frame_doubts_are_said_once(doubt: str) -> None:
    change, says = DOUBTS[doubt]
    fields = given(change)
    with realtime.Lifter() as lifter, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for xy, at_s in zip(fields["keypoints"], fields["t"], strict=True):
            lifter(xy, None, at_s, image_wh=fields["image_wh"])
    assert len(said) == 1
    assert issubclass(said[0].category, realtime.KeypointsWarning)
    assert said[0].filename == __file__
    with pytest.warns(realtime.KeypointsWarning, match=says.replace("30 joints", "1 joints")):
        warnings.warn_explicit(said[0].message, said[0].category, said[0].filename, said[0].lineno)


def test_somebody_seen_now_and_then_is_no_mistake_of_units() -> None:
    with warnings.catch_warnings(), realtime.Lifter() as lifter:
        warnings.simplefilter("error")
        for i in range(400):
            lifter(XY[0] if i % 100 == 0 else None, None, i / 30, image_wh=SIZE)


def test_a_file_is_named_in_what_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fields = person(FRAMES)
    run({**fields, "keypoints_px": fields["keypoints_px"] * (1, -1) + (0, 480)}, tmp_path)
    assert any("in.npz: people are upside down" in line for line in caplog.messages)
    with pytest.raises(UserError, match=r"in\.npz: t_s grows by .* as milliseconds"):
        run({**fields, "t_s": np.arange(FRAMES) * 40.0}, tmp_path)
    with pytest.raises(UserError, match=r"in\.npz: image_wh has shape \(3,\)"):
        run({**fields, "image_wh": (640, 480, 3)}, tmp_path)


def real_keypoints() -> Iterator[Path]:
    yield from sorted(_SHARED.glob("*.mp4"))


@pytest.mark.parametrize("clip", [*real_keypoints()] or [None], ids=lambda path: path.stem if path else "none")
def test_real_keypoints_give_no_alarm(clip: Path | None, caplog: pytest.LogCaptureFixture) -> None:
    if clip is None:
        pytest.skip(f"not here: {_SHARED}")
    from realtime.files.watch_video import watch_video
    from realtime.library.recording import recorded

    recording = watch_video(clip, 2, "full", None).recording
    _, doubts = recorded(recording.xy_px, recording.score, recording.t_s, None, recording.image_wh)
    assert doubts == []
    assert not looks_like_coco(recording.xy_px, recording.score)


def test_recorded_real_keypoints_of_a_session_give_no_alarm(tmp_path: Path) -> None:
    """Somebody cut off by the picture, lying, and on their hands for a while."""
    xy = XY.copy()
    for_a_while = np.arange(FRAMES)[:, None, None] < 8
    cases = [xy + np.array((0, 260)), xy[..., ::-1] + np.array((60, -60)), np.where(for_a_while, 480 - xy, xy)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for keypoints in cases:
            scores = np.where(((keypoints < 0) | (keypoints > SIZE)).any(-1), 0.3, 0.9)
            realtime.lift(**given({"keypoints": keypoints, "scores": scores}))
