"""A detector of one's own, by the name of its class."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES
from realtime.config import DetectorConfig
from realtime.contracts import Stamp
from realtime.detectors.own_detector import OwnDetector
from realtime.sources.source import Frame

PICTURE = np.zeros((120, 160, 3), np.uint8)
WHOLE = '''
import numpy as np
class Whole:
    skeleton = "coco17"
    def __init__(self):
        self.closed = False
    def __call__(self, image_bgr):
        grid = np.stack(np.meshgrid(np.arange(17.0), [1.0]), -1) * 4 + image_bgr[0, 0, 0]
        people = np.concatenate([grid, grid + 60, grid + 30])
        return people, np.array([[0.5] * 17, [2.0] * 17, [0.1] * 17])
class Booted(Whole):
    skeleton = "halpe26"
    def __call__(self, image_bgr):
        return np.arange(52.0).reshape(1, 26, 2), np.full((1, 26), 0.5)
class Handed(Whole):
    skeleton = "mediapipe33"
    def __call__(self, image_bgr):
        return np.arange(66.0).reshape(1, 33, 2), np.full((1, 33), 0.5)
class Nobody(Whole):
    def __call__(self, image_bgr):
        return [], []
class Wrong(Whole):
    def __call__(self, image_bgr):
        return np.zeros((1, 5, 2)), np.ones((1, 5))
class Broken:
    def __init__(self):
        raise RuntimeError("no model")
class Silent:
    pass
class Martian(Whole):
    skeleton = "martian"
'''


@pytest.fixture(autouse=True)
def _own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_detector.py").write_text(WHOLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def frame(number: int) -> Frame:
    return Frame(Stamp(number, number * 33_000_000, number * 33_000_000), PICTURE)


def test_its_surest_people_are_our_joints_and_keep_their_ids() -> None:
    with OwnDetector("my_detector:Whole", people=2) as detector:
        first, second = detector.detect(frame(0)), detector.detect(frame(1))
    assert [person.track_id for person in first] == [person.track_id for person in second] == [0, 1]
    sure = first[0]
    np.testing.assert_array_equal(sure.xy_px[JOINT_NAMES.index("left_shoulder")], (5 * 4 + 60, 64))
    np.testing.assert_array_equal(sure.xy_px[JOINT_NAMES.index("hip")], (11.5 * 4 + 60, 64))
    assert sure.score.max() == 1, "scores beyond 1 are 1"
    assert len(first) == 2, "who is hardly there is nobody"


def test_feet_are_those_of_its_joint_set() -> None:
    with OwnDetector("my_detector:Booted", feet=True) as detector:
        (person,) = detector.detect(frame(0))
    assert person.feet is not None
    np.testing.assert_array_equal(person.feet[:, 0] / 2, (25, 21, 24, 20))  # right heel, big toe; left
    with OwnDetector("my_detector:Booted") as detector:
        assert detector.detect(frame(0))[0].feet is None
    with pytest.raises(UserError, match="leave out --feet"):
        OwnDetector("my_detector:Whole", feet=True)


def test_knuckles_are_those_of_its_joint_set() -> None:
    with OwnDetector("my_detector:Handed", hands=True) as detector:
        (person,) = detector.detect(frame(0))
    assert person.feet is None
    assert person.hands is not None
    np.testing.assert_array_equal(person.hands[:, 0] / 2, (18, 20, 22, 17, 19, 21))  # right pinky, index, thumb; left
    with pytest.raises(UserError, match="leave out --hands"):
        OwnDetector("my_detector:Booted", hands=True)


def test_nobody_is_nobody() -> None:
    with OwnDetector("my_detector:Nobody") as detector:
        assert detector.detect(frame(0)) == ()


@pytest.mark.parametrize(("name", "why"), [
    ("no_such_module:Whole", "there is no detector"), ("my_detector:Absent", "there is no detector"),
    ("my_detector:Broken", "cannot be made: RuntimeError: no model"), ("my_detector:Silent", "cannot be called"),
    ("my_detector:Martian", "no skeleton 'martian'"),
])  # fmt: skip
def test_what_is_no_detector_is_one_sentence(name: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        OwnDetector(name)


def test_rtmpose_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(UserError, match="needs rtmlib: pip install"):
        OwnDetector("rtmpose")


def test_one_that_errs_says_how() -> None:
    with OwnDetector("my_detector:Wrong") as detector, pytest.raises(UserError, match="Wrong failed: ValueError"):
        detector.detect(frame(0))


@pytest.mark.parametrize(("name", "own"), [("full", False), ("rtmpose", True), ("a.b:C", True)])
def test_names_that_may_be_given(name: str, own: bool) -> None:
    assert DetectorConfig(name).is_own == own


@pytest.mark.parametrize("name", ["huge", "module", "a b:C", "a:"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UserError, match="rtmpose or module:Class"):
        DetectorConfig(name)
