"""`realtime calibrate cameras` over real files and a real stream: what comes out, and what is said when it cannot."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from room import LENS, cameras_round, stand_m, turn_between_deg, wandering
from typer.testing import CliRunner

from calibration.cameras.cameras_file import load_cameras
from calibration.lens.board import Board
from calibration.lens.camera_file import save_camera
from calibration.lens.placed import PlacedCamera
from calibration.lens.rendered import BoardRenderer
from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.commands.setup.calibrate import app
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.server.publish import Publisher

SECONDS = 12.0
LATE_S = 0.4
BOARD = Board(square_m=0.1, marker_m=0.075)


def calibrate(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["cameras", *(str(argument) for argument in arguments)])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def pixels(camera: PlacedCamera, t_s: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1.5, (len(t_s), 17, 2))
    return np.asarray(LENS.project(camera.to_camera(wandering(t_s, 4))) + noise, np.float32)


def test_recorded_keypoints_of_a_walk_place_two_cameras(tmp_path: Path) -> None:
    cameras = cameras_round(2)
    t_s = np.arange(0, SECONDS, 1 / 30)
    for number, camera in enumerate(cameras):
        np.savez(
            tmp_path / f"{camera.name}.npz", keypoints_px=pixels(camera, t_s, number), fps=30.0,
            t_s=t_s + (LATE_S if number else 0.0), image_wh=LENS.image_wh, camera_matrix=LENS.camera_matrix,
        )  # fmt: skip
    made = tmp_path / "cameras.yaml"
    said = calibrate(*(f"{one.name}={tmp_path / one.name}.npz" for one in cameras), "--person-height", 1.7, "-o", made)
    assert "scale height" in said
    found_s = yaml.safe_load(made.read_text())["evidence"]["time_offsets_s"]["cam2"]
    assert found_s == pytest.approx(-LATE_S, abs=0.01)
    placed = load_cameras(made).placed
    assert turn_between_deg(placed[0], placed[1], cameras[0], cameras[1]) < 3
    apart = np.linalg.norm(stand_m(placed[1]) - stand_m(placed[0]))
    assert apart == pytest.approx(np.linalg.norm(stand_m(cameras[1]) - stand_m(cameras[0])), rel=0.12)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".yaml"] == ["cameras.yaml"]


def test_running_streams_place_their_cameras(tmp_path: Path) -> None:
    cameras = cameras_round(2)
    t_s = np.arange(0, SECONDS, 1 / 30)
    shown = [pixels(camera, t_s, 5 + number) for number, camera in enumerate(cameras)]
    save_camera(tmp_path / "lens.yaml", LENS, "lens")
    stop = threading.Event()
    with Publisher("tcp://127.0.0.1:*", None, None) as publisher:

        def send() -> None:
            """Ten times as fast as it was, again and again: stamps say when it was."""
            begin_ns = monotonic_ns() - 3600 * NS_PER_S
            for frame in range(len(t_s)):
                for camera, points in zip(cameras, shown, strict=True):
                    at_ns = begin_ns + int(t_s[frame] * NS_PER_S)
                    person = Person2D(1, points[frame], np.full(17, 0.9, np.float32))
                    keypoints = Keypoints2D(Stamp(frame, at_ns, at_ns), LENS.image_wh, (person,), at_ns, 0)
                    publisher.send_keypoints(keypoints, stream=camera.name)
                if stop.wait(1 / 300):
                    return

        def again() -> None:
            publisher.wait_for_listener(60, stop)
            send()

        thread = threading.Thread(target=again)
        thread.start()
        try:
            names = [one.name for one in cameras]
            calibrate(*names, "--address", publisher.address, "--seconds", 8, "--person-height", 1.7,
                      *(word for name in names for word in ("--lens", f"{name}={tmp_path / 'lens.yaml'}")),
                      "-o", tmp_path / "cameras.yaml")  # fmt: skip
        finally:
            stop.set()
            thread.join()
    placed = load_cameras(tmp_path / "cameras.yaml").placed
    assert turn_between_deg(placed[0], placed[1], cameras[0], cameras[1]) < 4


def test_pictures_of_a_board_place_two_cameras(tmp_path: Path) -> None:
    cameras = cameras_round(2, spread_deg=90, radius_m=2.5)
    renderers = [BoardRenderer(LENS, BOARD) for _ in cameras]
    save_camera(tmp_path / "lens.yaml", LENS, "lens")
    for number in range(6):
        turn = np.radians(22.0 + 4 * number)
        into = -np.array([np.sin(turn), -np.cos(turn), 0.1 * (number - 3)])
        into /= np.linalg.norm(into)
        right = np.cross(into, (0, 0, 1.0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(into, right), into], 1)
        corner = np.array([0.05 * number, 0.0, 0.9]) - rotation @ np.array([0.45, 0.3, 0])
        for camera, renderer in zip(cameras, renderers, strict=True):
            folder = tmp_path / camera.name
            folder.mkdir(exist_ok=True)
            seen = renderer.render(camera.rotation @ rotation, camera.to_camera(corner), noise=2, blur_px=0.5)
            cv2.imwrite(str(folder / f"{number:02}.png"), seen)
    words = [f"{one.name}={tmp_path / one.name}" for one in cameras]
    lenses = [word for one in cameras for word in ("--lens", f"{one.name}={tmp_path / 'lens.yaml'}")]
    said = calibrate(*words, *lenses, "--by", "board", "--square", 100, "-o", tmp_path / "cameras.yaml")
    assert "scale measured, floor none" in said
    placed = load_cameras(tmp_path / "cameras.yaml").placed
    assert turn_between_deg(placed[0], placed[1], cameras[0], cameras[1]) < 0.3
    apart = np.linalg.norm(stand_m(placed[1]) - stand_m(placed[0]))
    assert apart == pytest.approx(np.linalg.norm(stand_m(cameras[1]) - stand_m(cameras[0])), rel=0.01)


@pytest.mark.parametrize(("words", "said"), [
    (["a=x.npz"], "two or more cameras"),
    (["a=x.npz", "b=y.npz"], "x.npz"),
    (["a", "a"], "named twice"),
    (["a=x.npz", "b=y.npz", "--lens", "c=z.yaml"], "--lens c is of none of the cameras a, b"),
    (["a=x.npz", "b"], "not both"),
    (["a=0", "b=1"], "'a' is a camera, which cannot be watched after another"),
    (["=x.npz", "b=y.npz"], "is not NAME=SOURCE"),
    (["a=x.npz", "a=y.npz"], "named twice"),
    (["a=x.npz", "b=y.npz", "--by", "guess"], "--by guess"),
    (["a=x.npz", "b=y.npz", "--lens", "a"], "is not NAME=FILE"),
])  # fmt: skip
def test_mistakes_get_one_sentence_and_no_file(tmp_path: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        calibrate(*words, "-o", tmp_path / "cameras.yaml")
    assert not list(tmp_path.iterdir())


def test_a_stream_that_does_not_run_is_named(tmp_path: Path) -> None:
    with Publisher("tcp://127.0.0.1:*", None, None) as publisher, pytest.raises(UserError, match="stream 'door'"):
        calibrate("door", "hall", "--address", publisher.address, "--seconds", 0.5, "-o", tmp_path / "cameras.yaml")
