"""`realtime calibrate` ground, person, guess and board over real files: what comes out, what is said when it cannot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from calibrating import calibrate

from calibration.floor.ground import from_angles, load_ground
from calibration.floor.synthetic_walk import keypoint_noise, see, walk_squares
from calibration.lens.board import Board
from calibration.lens.camera_file import load_camera, save_camera
from calibration.lens.rays import Camera
from calibration.lens.rendered import BoardRenderer
from calibration.profiles import find_person
from engines.errors import UserError


def test_a_board_on_the_floor_gives_the_floor(tmp_path: Path) -> None:
    truth, big = from_angles(1.2, -40, 3), Board(square_m=0.06, marker_m=0.045)
    axes = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])  # the board's x to the right, y towards the camera, face up
    turn, shift = (axes @ truth.rotation).T, (np.array([-0.27, 1.6, 0]) - [0, 0, 1.2]) @ truth.rotation
    wide = Camera((1280, 720), np.array([[1100.0, 0, 640], [0, 1100, 360], [0, 0, 1]]), np.zeros(5))
    picture = BoardRenderer(wide, big).render(turn, shift, noise=2)
    save_camera(tmp_path / "camera.yaml", wide, "wide")
    writer = cv2.VideoWriter(str(tmp_path / "floor.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (1280, 720))
    for _ in range(3):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    calibrate("ground", "--source", tmp_path / "floor.avi", "--on-board", "--square", 60,
              "--camera", tmp_path / "camera.yaml", "-o", tmp_path / "ground.yaml")
    found = load_ground(tmp_path / "ground.yaml")
    assert found.height_m == pytest.approx(1.2, rel=0.02)
    assert np.degrees(np.arccos(found.up @ truth.up)) < 1
    assert (found.scale, found.source) == ("measured", "board")
    assert found.camera_identity == load_camera(tmp_path / "camera.yaml").identity


def test_a_walk_gives_the_floor_the_person_and_the_lens(
    tmp_path: Path, mocap_npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path / "config")
    with np.load(mocap_npz) as clips:
        scene = see(walk_squares(clips["08_03"], 24), from_angles(1.5, -10, 2))
    rays = keypoint_noise(scene.rays, np.random.default_rng(0))
    pixels = Camera.assumed((1280, 720)).project(np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1))
    walk = tmp_path / "walk.npz"
    np.savez(walk, keypoints_px=pixels, fps=30.0, image_wh=[1280, 720])

    calibrate("ground", "--source", walk, "--person-height", scene.height_m, "-o", tmp_path / "ground.yaml")
    ground = load_ground(tmp_path / "ground.yaml")
    assert np.degrees(np.arccos(ground.up @ scene.ground.up)) < 1.5
    assert ground.height_m == pytest.approx(1.5, rel=0.03)

    calibrate("person", "ana", "--source", walk, "--ground", tmp_path / "ground.yaml", "--rigid")
    ana = find_person("ana")
    assert ana.height_m == pytest.approx(scene.height_m, rel=0.05)
    assert ana.rigid
    calibrate("person", "bo", "--height", 1.81)
    assert find_person("bo").height_m == 1.81

    said = calibrate("guess", "--source", walk, "-o", tmp_path / "guess.yaml")
    assert "a guess" in said
    lens = load_camera(tmp_path / "guess.yaml")
    assert lens.hfov_deg == pytest.approx(60, abs=8)
    assert lens.identity.startswith("guess-")


def test_somebody_who_is_known_is_kept_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    calibrate("person", "cy", "--height", 1.81)
    with pytest.raises(UserError, match="--overwrite"):
        calibrate("person", "cy", "--height", 1.6)
    assert find_person("cy").height_m == 1.81
    calibrate("person", "cy", "--height", 1.6, "--overwrite")
    assert find_person("cy").height_m == 1.6


def test_angles_by_hand_and_missing_options(tmp_path: Path) -> None:
    said = calibrate("ground", "--height", 1.4, "--pitch", -12, "-o", tmp_path / "ground.yaml")
    assert said.endswith("camera 1.400 m above the floor, from angles, scale measured\n")
    assert load_ground(tmp_path / "ground.yaml").height_m == 1.4
    with pytest.raises(UserError, match="--source"):
        calibrate("ground", "-o", tmp_path / "ground.yaml")
    with pytest.raises(UserError, match="--person-height"):
        calibrate("ground", "--source", "0")
    for more in (("--source", "walk.mp4"), ("--on-board",)):
        with pytest.raises(UserError, match="--person-height"):
            calibrate("ground", "--height", 1.76, *more)
    with pytest.raises(UserError, match="--person-height"):
        calibrate("ground", "--source", "walk.mp4", "--pitch", -10, "--person-height", 1.76)
    with pytest.raises(UserError, match="--height"):
        calibrate("person", "ana")
    with pytest.raises(UserError, match=r"no \.yaml"):
        calibrate("person", "ana.yaml", "--height", 1.7)


def test_the_board_is_drawn(tmp_path: Path) -> None:
    assert "9x6" in calibrate("board", "-o", tmp_path / "board.pdf")
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF-1.7")
