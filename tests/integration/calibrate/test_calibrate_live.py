"""A live camera, and a person walking squares: calibrated, lifted and placed with what ships."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg_server import MjpegServer

from calibration.floor.ground import from_angles
from calibration.floor.synthetic_walk import see, walk_squares
from calibration.lens.board import Board
from calibration.lens.rays import Camera
from calibration.lens.rendered import BoardRenderer, board_poses
from calibration.person.body_scale import BodyScale
from calibration.profiles import device_name, find_camera
from realtime.bench.placing import place_cases
from realtime.calibrate.lens import calibrate_camera
from realtime.calibrate.people import lift_walk, measure_ground
from realtime.pipeline.setting import Setting

IMAGE_WH = (640, 360)
LENS = Camera(IMAGE_WH, np.array([[560.0, 0, 330], [0, 562, 172], [0, 0, 1]]), np.array([-0.2, 0.08, 0.001, 0, 0]))


def test_a_live_camera_is_calibrated_into_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    renderer = BoardRenderer(LENS, Board())
    pictures = [cv2.cvtColor(renderer.render(*pose, noise=3, blur_px=0.5, seed=i), cv2.COLOR_GRAY2BGR)
                for i, pose in enumerate(board_poses(LENS, Board(), 30))]
    with MjpegServer(pictures, fps=10) as camera:
        path, result = calibrate_camera(camera.url, Board(), show=False, seconds=40)
        device = device_name(camera.url)
    assert path.is_relative_to(tmp_path)
    assert path.with_suffix(".png").exists()
    assert result.camera.focal_px == pytest.approx(LENS.focal_px, rel=0.005)
    found = find_camera(device, IMAGE_WH)
    assert found is not None
    assert found.identity == result.camera.identity


@pytest.mark.parametrize("noisy", [False, True])
def test_world_poses_of_a_walked_square_stand_on_the_floor_and_come_back(mocap_npz: Path, noisy: bool) -> None:
    with np.load(mocap_npz) as clips:
        scene = see(walk_squares(clips["08_03"], 24), from_angles(1.5, -10, 2))
    person = BodyScale("walker", scene.height_m)
    recording = place_cases.record(scene, Camera.assumed((1280, 720)), noisy)
    ground = measure_ground(recording, person)
    joints, sigma, _ = lift_walk(recording)
    roots, poses, _ = place_cases.place_all(Setting(recording.camera, ground, person), recording, joints, sigma)
    truth = scene.world_m[:, 0]
    away = np.linalg.norm(scene.camera_m[:, 0], axis=1)
    assert (np.linalg.norm(roots - truth, axis=1) / away)[60:].mean() < (0.05 if noisy else 0.03)
    assert np.median(np.abs(place_cases.contact_heights(scene, roots, poses))) < 0.03
    assert place_cases.return_error(roots, truth) < 0.1
