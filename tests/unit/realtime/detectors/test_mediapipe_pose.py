"""People as 17 keypoints, with the real networks on the real demo clip."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engines.errors import UserError
from engines.models.skeleton import FLIP, JOINT_NAMES, MEDIAPIPE33_TO_17
from realtime.assets import task_bundle
from realtime.assets.fetch import fetch
from realtime.contracts import Person2D, Stamp
from realtime.detectors.mediapipe_pose import Detector, _joints, _without_doubles
from realtime.sources.open_source import open_source
from realtime.sources.source import Frame

FRAME_NS = 33_333_333


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A second of the demo clip, cut to the person on the roof, who moves the arms."""
    try:
        with open_source("demo", max_speed=True) as source:
            whole = (source.read() for _ in range(30))
            cuts = [Frame(frame.stamp, frame.image_bgr[:, 400:900].copy()) for frame in whole]
    except UserError as error:
        pytest.skip(f"no demo clip: {error}")
    return cuts


@pytest.fixture
def detector() -> Iterator[Detector]:
    try:
        detector = Detector()
    except UserError as error:
        pytest.skip(f"no pose model: {error}")
    with detector:
        yield detector


def joint(person: Person2D, name: str) -> np.ndarray:
    return person.xy_px[JOINT_NAMES.index(name)]


def test_a_person_is_found_where_they_stand(detector: Detector, frames: list[Frame]) -> None:
    found = [detector.detect(frame) for frame in frames]
    assert sum(bool(people) for people in found) >= len(frames) - 1
    (person,) = found[-1]
    assert {people[0].track_id for people in found if people} == {person.track_id}
    assert (person.xy_px.shape, person.score.shape) == ((17, 2), (17,))
    assert (person.xy_px.dtype, person.score.dtype) == (np.float32, np.float32)
    assert person.xy_px.flags.c_contiguous
    assert joint(person, "head")[1] < joint(person, "hip")[1] < joint(person, "left_ankle")[1]
    assert np.allclose(joint(person, "hip"), (joint(person, "left_hip") + joint(person, "right_hip")) / 2, atol=0.01)
    assert person.score.min() > 0.3


def test_the_world_landmarks_of_the_last_frame_are_kept(detector: Detector, frames: list[Frame]) -> None:
    for frame in frames[:5]:
        people = detector.detect(frame)
    assert detector.last_world_m.shape == (1, 33, 3) == (len(people), 33, 3)
    height_m = float(np.ptp(detector.last_world_m[0, :, 1]))
    assert 1.0 < height_m < 2.2


def test_an_empty_picture_has_nobody_in_it(detector: Detector) -> None:
    blank = np.full((240, 320, 3), 127, np.uint8)
    assert detector.detect(Frame(Stamp(0, 0, 0), blank)) == ()
    assert detector.last_world_m.shape == (0, 33, 3)


def test_frames_closer_than_a_millisecond_and_pictures_that_change_size(
    detector: Detector, frames: list[Frame]
) -> None:
    small = np.ascontiguousarray(frames[0].image_bgr[::2, ::2])
    for number in range(3):
        detector.detect(Frame(Stamp(number, number * 1000, number * 1000), small))
    assert detector.detect(Frame(Stamp(3, 4000, 4000), frames[0].image_bgr))


def test_somebody_too_small_for_the_whole_picture_is_found_and_followed(frames: list[Frame]) -> None:
    """A sixth of the picture's height: in 224 pixels across, as the networks see it, 20."""
    scene = cv2.GaussianBlur(cv2.resize(frames[0].image_bgr, (1280, 720)), (0, 0), 40)
    tall_px, found = 120, 0
    with Detector() as detector:
        for number in range(75):
            shown = frames[min(number % 58, 58 - number % 58)].image_bgr
            scale = tall_px / 370  # as tall is the person there
            small = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left, top = 300 + 2 * number, 200
            picture = scene.copy()
            picture[top : top + small.shape[0], left : left + small.shape[1]] = small
            people = detector.detect(Frame(Stamp(number, number * FRAME_NS, number * FRAME_NS), picture))
            if people and number >= 45:
                low, high = people[0].xy_px.min(0), people[0].xy_px.max(0)
                found += bool(left - 20 < low[0] and high[0] < left + small.shape[1] + 20)
                assert 0.5 * tall_px < high[1] - low[1] < 1.5 * tall_px
    assert found > 20


def test_a_second_person_is_found_where_asked_for(frames: list[Frame]) -> None:
    double = np.hstack([frames[-1].image_bgr] * 2)
    with Detector(people=2) as detector:
        for number in range(8):
            people = detector.detect(Frame(Stamp(number, number * FRAME_NS, number * FRAME_NS), double))
    assert len(people) == 2
    assert len({person.track_id for person in people}) == 2
    assert abs(joint(people[0], "hip")[0] - joint(people[1], "hip")[0]) > 400


@pytest.mark.skipif(sys.platform != "linux", reason="no CPU affinity")
def test_threads_limits_the_cpus_of_the_networks_alone(frames: list[Frame]) -> None:
    before = os.sched_getaffinity(0)
    tasks = set(os.listdir("/proc/self/task"))
    with Detector(threads=1):
        new = set(os.listdir("/proc/self/task")) - tasks
        assert new
        assert all(len(os.sched_getaffinity(int(task))) == 1 for task in new)
    assert os.sched_getaffinity(0) == before


def test_the_networks_print_nothing(frames: list[Frame], tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", frames[-1].image_bgr)
    code = f"""
import cv2
import numpy as np
from realtime.contracts import Stamp
from realtime.sources.source import Frame
from realtime.detectors.mediapipe_pose import Detector
image = np.load({str(tmp_path / "image.npy")!r})
with Detector() as detector:
    for number in range(8):
        people = detector.detect(Frame(Stamp(number, number * {FRAME_NS}, number * {FRAME_NS}), image))
    assert people
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(UserError, match="no detector size 'huge': choose one of lite, full, heavy"):
        Detector("huge")
    with pytest.raises(UserError, match="ask for at least 1"):
        Detector(people=0)


@given(hnp.arrays(np.float32, (33, 3), elements=st.floats(0, 1, width=32)))
def test_joints_are_the_mapped_landmarks_and_scores_are_probabilities(landmarks: np.ndarray) -> None:
    xy, score = _joints(landmarks)
    assert np.allclose(xy, MEDIAPIPE33_TO_17 @ landmarks[:, :2], atol=1e-6)
    assert ((score >= 0) & (score <= 1)).all()


@given(st.floats(0.11, 3), st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]))
def test_joints_outside_the_picture_have_low_scores(distance: float, side: tuple[int, int]) -> None:
    landmarks = np.full((33, 3), 0.5, np.float32)
    landmarks[:, 2] = 1
    landmarks[15, :2] = np.where(np.array(side) > 0, 1 + distance, np.where(np.array(side) < 0, -distance, 0.5))
    _, score = _joints(landmarks)
    wrist = JOINT_NAMES.index("left_wrist")
    assert score[wrist] < 0.1
    assert (np.delete(score, wrist) > 0.9).all()


def test_a_person_found_twice_is_one_person() -> None:
    body = (np.random.default_rng(3).uniform(0, 1, (17, 2)) * [60, 180]).astype(np.float32)
    beside = body + np.float32([40, 0])
    assert _without_doubles([body, body + 5, body[list(FLIP)], beside, body + 300]) == [0, 3, 4]


def test_a_task_file_is_laid_out_as_mediapipe_maps_it() -> None:
    try:
        content = fetch("pose-full").read_bytes()
    except UserError as error:
        pytest.skip(f"no pose model: {error}")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        members = {info.filename: info for info in bundle.infolist()}
        assert set(members) == {"pose_detector.tflite", "pose_landmarks_detector.tflite"}
        models = [bundle.read(name) for name in members]
    for info, model in zip(members.values(), models, strict=True):
        assert info.compress_type == zipfile.ZIP_STORED
        assert content.index(model) % 64 == 0
        assert b"TFLITE_METADATA" in model
        assert b"M001" in model
    once, again = (hashlib.sha256(task_bundle.build(*models)).digest() for _ in range(2))
    assert once == again


def test_feet_and_hands_are_at_ankles_and_wrists_and_asked_for(frames: list[Frame], detector: Detector) -> None:
    with Detector(feet=True, hands=True) as other:
        for frame in frames:
            plain, (person, *_) = detector.detect(frame), other.detect(frame)
    assert plain[0].feet is plain[0].hands is None
    np.testing.assert_array_equal(plain[0].xy_px, person.xy_px)
    for found, hang_on, before in ((person.feet, [3, 3, 6, 6], [2, 2, 5, 5]),
                                   (person.hands, [16] * 3 + [13] * 3, [15] * 3 + [12] * 3)):  # fmt: skip
        assert found is not None
        limb_px = np.linalg.norm(person.xy_px[before] - person.xy_px[hang_on], axis=1)
        assert (np.linalg.norm(found[:, :2] - person.xy_px[hang_on], axis=1) < limb_px).all()
        assert ((found[:, 2] >= 0) & (found[:, 2] <= 1)).all()
