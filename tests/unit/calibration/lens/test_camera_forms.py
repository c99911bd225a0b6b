"""Lenses as other tools write them: each is the same lens, or named for what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.lens.camera_file import load_camera
from calibration.lens.rays import Camera
from engines.errors import UserError

MATRIX = [[300.0, 0.0, 319.5], [0.0, 301.0, 179.5], [0.0, 0.0, 1.0]]
BENT = [-0.1, 0.02, 0.001, -0.002]
ROUND = [0.05, -0.01, 0.002, -0.0005]
PIXELS = np.array([[20.0, 30.0], [600.0, 300.0], [319.5, 10.0]])
ROS_LISTS = """
height: 360
width: 640
distortion_model: {model}
{d}:
- {bent[0]}
- {bent[1]}
- {bent[2]}
- {bent[3]}
{k}: [300.0, 0.0, 319.5, 0.0, 301.0, 179.5, 0.0, 0.0, 1.0]
{r}: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
binning_x: 0
roi: {{x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}}
---
height: 360
wid"""
KALIBR = """
cam0:
  cam_overlaps: []
  camera_model: pinhole
  distortion_coeffs: {bent}
  distortion_model: {model}
  intrinsics: [300.0, 301.0, 319.5, 179.5]
  resolution: [640, 360]
  rostopic: /cam0/image_raw
"""
POSE2SIM = """
[cam_01]
name = "cam_01"
size = [640.0, 360.0]
matrix = [[300.0, 0.0, 319.5], [0.0, 301.0, 179.5], [0.0, 0.0, 1.0]]
distortions = {bent}
rotation = [1.2, 0.1, 0.0]
translation = [0.0, 0.1, 3.0]
fisheye = {fisheye}

[metadata]
adjusted = false
error = 0.0
"""
PLAIN = {"camera_matrix": MATRIX, "dist_coeff": [BENT], "image_width": 640, "image_height": 360}


def topic(model: str, bent: list[float], case: str = "lower") -> str:
    names = {"d": "d", "k": "k", "r": "r"}
    names = {key: getattr(name, case)() for key, name in names.items()}
    return "header: {stamp: {sec: 1, nanosec: 2}, frame_id: camera}" + ROS_LISTS.format(model=model, bent=bent, **names)


FORMS = {
    "ros2 topic echo": ("camera.yaml", topic("plumb_bob", BENT), "pinhole"),
    "rostopic echo": ("camera.yaml", topic("plumb_bob", BENT, "upper"), "pinhole"),
    "ros2 topic echo of a fisheye": ("camera.yaml", topic("equidistant", ROUND), "fisheye"),
    "Kalibr": ("camchain.yaml", KALIBR.format(bent=BENT, model="radtan"), "pinhole"),
    "Kalibr's fisheye": ("camchain.yaml", KALIBR.format(bent=ROUND, model="equidistant"), "fisheye"),
    "Pose2Sim": ("Calib.toml", POSE2SIM.format(bent=BENT, fisheye="false"), "pinhole"),
    "Pose2Sim's fisheye": ("Calib.toml", POSE2SIM.format(bent=ROUND, fisheye="true"), "fisheye"),
    "nested lists": ("camera.yaml", json.dumps(PLAIN), "pinhole"),
    "JSON": ("camera.json", json.dumps(PLAIN, indent=2), "pinhole"),
    "image_size": ("camera.yaml", json.dumps({"mtx": MATRIX, "dist": BENT, "image_size": [640, 360]}), "pinhole"),
    "camera_model": ("camera.yaml", json.dumps({**PLAIN, "dist_coeff": ROUND, "camera_model": "fisheye"}), "fisheye"),
    "fisheye_model": ("camera.yaml", json.dumps({**PLAIN, "dist_coeff": ROUND, "fisheye_model": 1}), "fisheye"),
    "a fisheye with a fifth zero": (
        "camera.yaml", json.dumps({**PLAIN, "dist_coeff": [*ROUND, 0.0], "camera_model": "Kannala-Brandt"}), "fisheye"),
    "the camera's name": ("camera.yaml", json.dumps({**PLAIN, "model": "USB 2.0 Camera"}), "pinhole"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_the_same_lens(form: str, tmp_path: Path) -> None:
    name, text, model = FORMS[form]
    (tmp_path / name).write_text(text)
    lens = load_camera(tmp_path / name)
    right = Camera((640, 360), np.array(MATRIX), np.array(ROUND if model == "fisheye" else BENT), model)
    assert (lens.image_wh, lens.model) == ((640, 360), model)
    assert lens.identity
    np.testing.assert_allclose(lens.rays(PIXELS), right.rays(PIXELS), rtol=1e-6)


def test_a_fisheye_is_not_read_as_a_pinhole(tmp_path: Path) -> None:
    """44 degrees where 55 are right is what it was."""
    (tmp_path / "camera.yaml").write_text(FORMS["camera_model"][1])
    at = np.array([[619.5, 179.5]])
    angle_deg = float(np.degrees(np.arctan(load_camera(tmp_path / "camera.yaml").rays(at)[0, 0])))
    pinhole = Camera((640, 360), np.array(MATRIX), np.array(ROUND))
    assert angle_deg == pytest.approx(57.3, abs=3), "about one radian, a focal length off the centre"
    assert float(np.degrees(np.arctan(pinhole.rays(at)[0, 0]))) < angle_deg - 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"camera_model": "omni"}, "omni"),
        ({"distortion_model": "fov"}, "fov"),
        ({"distortion_model": "plumb_bob", "camera_model": "fisheye"}, "remove the line that is wrong"),
        ({"image_width": 360, "image_height": 640, "camera_matrix": [[300, 0, 639], [0, 301, 179], [0, 0, 1]]},
         "width and height are exchanged"),
        ({"image_width": None}, "image_width"),
        ({"camera_matrix": "no"}, "not a matrix"),
        ({"dist_coeff": [0.1] * 7}, "distortion coefficients"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_one_sentence(change: dict[str, object], says: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(json.dumps({**PLAIN, **change}))
    with pytest.raises(UserError, match=says) as caught:
        load_camera(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["camchain.yaml", "Calib.toml"])
def test_of_several_cameras_none_is_chosen(name: str, tmp_path: Path) -> None:
    one = KALIBR.format(bent=BENT, model="radtan") if name == "camchain.yaml" else POSE2SIM.split("[metadata]")[0]
    one = one.format(bent=BENT, fisheye="false") if name == "Calib.toml" else one
    other = one.replace("cam0", "cam1").replace("cam_01", "cam_02")
    (tmp_path / name).write_text(one + other)
    with pytest.raises(UserError, match=r"holds 2 cameras .* into a file of its own"):
        load_camera(tmp_path / name)


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just: this\n", "{{{", "\x00"])
def test_what_is_no_calibration_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "camera.yaml").write_text(text)
    with pytest.raises(UserError, match="camera"):
        load_camera(tmp_path / "camera.yaml")
