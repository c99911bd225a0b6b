from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lens.rays import Camera
from calibration.person.body_scale import (
    BodyScale,
    RunningMedian,
    bone_lengths,
    load_person,
    make_rigid,
    save_person,
    stature,
)
from calibration.profiles import camera_for, camera_path, device_name, find_camera, find_person, person_path
from engines.errors import UserError
from engines.models.skeleton import PARENTS


def poses(seed: int, count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(0, 0.5, (count, 17, 3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 2))
def test_a_rigid_skeleton_has_the_lengths_and_keeps_the_directions(seed: int, factor: float) -> None:
    pose = poses(seed)[0]
    bones = bone_lengths(poses(seed + 1)[0]) * factor
    rigid = make_rigid(pose, bones)
    np.testing.assert_allclose(bone_lengths(rigid)[1:], bones[1:])
    np.testing.assert_array_equal(rigid[0], pose[0])
    for child, parent in enumerate(PARENTS[1:], 1):
        before, after = pose[child] - pose[parent], rigid[child] - rigid[parent]
        assert np.dot(before, after) == pytest.approx(np.linalg.norm(before) * np.linalg.norm(after))


def test_stature_grows_with_the_body_and_is_a_persons() -> None:
    leg, arm = [0.13, 0.44, 0.43], [0.15, 0.28, 0.25]
    bones = np.array([0, *leg, *leg, 0.23, 0.25, 0.12, 0.11, *arm, *arm])
    assert 1.5 < float(stature(bones)) < 1.9
    assert float(stature(1.1 * bones)) == pytest.approx(1.1 * float(stature(bones)))


def test_a_running_median_forgets_and_shrugs_off_outliers() -> None:
    median = RunningMedian(2, size=16, every=4)
    for i in range(40):
        median.push([1.0, 100.0 if i % 5 == 0 else 2.0])
    np.testing.assert_allclose(median.value, [1, 2])
    for _ in range(16):
        median.push([3.0, 3.0])
    np.testing.assert_allclose(median.value, [3, 3])


def test_a_person_is_found_again_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    bones = bone_lengths(poses(0)[0])
    bones[0] = np.nan
    save_person(person_path("ana"), BodyScale("ana", 1.76, bones, True, "height"))
    ana = find_person("ana")
    np.testing.assert_array_equal(ana.bones_m, bones)
    assert (ana.name, ana.height_m, ana.rigid, ana.scale) == ("ana", 1.76, True, "height")
    assert ana.identity
    assert load_person(person_path("ana")).identity == ana.identity
    save_person(person_path("bo"), BodyScale("bo", 1.5))
    assert np.isnan(find_person("bo").bones_m).all()
    with pytest.raises(UserError, match=r"ana, bo.*calibrate person carl"):
        find_person("carl")
    for bad in ("../x", "", "a/b", "ana.yaml", "ana.yml"):
        with pytest.raises(UserError, match="name"):
            person_path(bad)


def test_impossible_people_are_refused() -> None:
    with pytest.raises(UserError, match=r"1\.76"):
        BodyScale("x", 176)
    with pytest.raises(UserError, match="bone lengths"):
        BodyScale("x", 1.7, rigid=True)


def test_a_lens_is_found_by_device_and_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from calibration.lens.camera_file import save_camera

    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    lens = Camera((1280, 720), np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]), np.zeros(5))
    saved = save_camera(camera_path("cam-a", (1280, 720)), lens, "cam a")
    same = find_camera("cam-a", (1280, 720))
    assert same is not None
    assert same.identity == saved.identity != ""
    half = find_camera("cam-a", (640, 360))
    assert half is not None
    assert half.focal_px == pytest.approx(450)
    assert half.identity == saved.identity
    assert find_camera("cam-a", (640, 480)) is None  # another aspect may crop
    small = Camera((320, 180), np.array([[200.0, 0, 160], [0, 200, 90], [0, 0, 1]]), np.zeros(5))
    save_camera(camera_path("cam-a", (320, 180)), small, "cam a")
    assert [find_camera("cam-a", (wide, wide * 9 // 16)).focal_px for wide in (1920, 400)] == pytest.approx([1350, 250])
    assert find_camera("cam-b", (1280, 720)) is None
    assert camera_for(None, "cam-a", (640, 480)).identity == ""
    with pytest.raises(UserError, match="another aspect"):
        camera_for(camera_path("cam-a", (1280, 720)), "", (640, 480))


def test_live_sources_have_names_and_files_have_none() -> None:
    assert device_name("/tmp/walk.mp4") == ""
    assert device_name("rtsp://user:secret@host.local:554/stream?x=1") == "host-local-554-stream"
    assert device_name("987") == device_name("/dev/video987") == "camera-987"
