"""Cameras with places on file: ours, and those of other tools."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room import cameras_round, stand_m

from calibration.cameras.cameras_file import Cameras, load_cameras, save_cameras
from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera
from engines.errors import UserError

POSE2SIM = """
[cam_01]
name = "door"
size = [ 1088.0, 1920.0 ]
matrix = [ [ 1681.2, 0.0, 540.0 ], [ 0.0, 1681.2, 960.0 ], [ 0.0, 0.0, 1.0 ] ]
distortions = [ -0.05, 0.1, 0.0, 0.0 ]
rotation = [ 0.5, -1.0, 2.0 ]
translation = [ -0.3, 0.2, 4.5 ]
fisheye = false

[metadata]
adjusted = false
error = 0.0
"""


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    lens = Camera((640, 480), np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]]), chance.normal(0, 0.05, 5))
    placed = tuple(
        PlacedCamera(f"c{number}", lens, np.asarray(cv2.Rodrigues(chance.normal(0, 1, 3))[0]), chance.normal(0, 3, 3))
        for number in range(count)
    )
    path = tmp_path_factory.mktemp("cameras") / "cameras.yaml"
    saved = save_cameras(path, Cameras(placed, "height", "estimated"), {"source": "person"})
    read = load_cameras(path)
    assert read.names == saved.names == tuple(one.name for one in placed)
    assert (read.scale, read.floor, read.identity) == ("height", "estimated", saved.identity)
    for one, again in zip(placed, read.placed, strict=True):
        np.testing.assert_allclose(again.rotation, one.rotation, atol=1e-9)
        np.testing.assert_allclose(again.shift_m, one.shift_m, atol=1e-12)
        np.testing.assert_array_equal(again.camera.camera_matrix, lens.camera_matrix)
        np.testing.assert_array_equal(again.camera.dist_coeffs, lens.dist_coeffs)


def test_it_says_its_units_and_axes_and_opencv_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    save_cameras(path, Cameras(tuple(cameras_round(2))))
    assert "units: 'm'" in path.read_text()
    assert "z up" in path.read_text()
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    turn = storage.getNode("cameras").getNode("cam2").getNode("rotation")
    read = [turn.at(index).real() for index in range(turn.size())]
    np.testing.assert_allclose(cv2.Rodrigues(np.array(read))[0], cameras_round(2)[1].rotation, atol=1e-9)


def test_pose2sims_extrinsics_are_read(tmp_path: Path) -> None:
    path = tmp_path / "calib.toml"
    path.write_text(POSE2SIM)
    read = load_cameras(path)
    (camera,) = read.placed
    assert (camera.name, read.scale, read.floor) == ("door", "measured", "measured")
    assert camera.camera.image_wh == (1088, 1920)
    np.testing.assert_allclose(cv2.Rodrigues(camera.rotation)[0].ravel(), [0.5, -1, 2], atol=1e-9)
    np.testing.assert_allclose(camera.to_camera(stand_m(camera)), 0, atol=1e-9)


@pytest.mark.parametrize(("text", "said"), [
    ("a: 1", "no camera with a rotation"),
    ("cameras: 3", "has no cameras"),
    (POSE2SIM.replace("0.5, -1.0, 2.0", "0.5, -1.0"), "has no rotation"),
    (POSE2SIM + POSE2SIM.replace("cam_01", "cam_02").replace("[metadata]", "[more]"), "two cameras named 'door'"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / ("calib.toml" if "[cam" in text else "cameras.yaml")
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        load_cameras(path)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="realtime calibrate cameras"):
        load_cameras(tmp_path / "cameras.yaml")
