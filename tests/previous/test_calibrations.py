"""Calibrations of the previous version mean what they meant."""

from __future__ import annotations

import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
from previous_version import FILES, LENS, MODEL, Place, assert_same, on_linux, sentence, yaml_of


def test_the_floor_by_hand_is_the_same_again(place: Place) -> None:
    place.realtime("calibrate", "ground", "--height", 1.4, "--pitch", -8, "--roll", 0.5, "-o", "again.yaml")
    assert_same(yaml_of(place.work / "again.yaml"), yaml_of(place.work / "ground.yaml"))


def test_the_floor_under_a_board_is_the_same_again_through_the_lens_on_file(place: Place) -> None:
    place.realtime("calibrate", "ground", "--on-board", "--source", "floor.avi", *LENS, "-o", "board.yaml")
    found, before = yaml_of(place.work / "board.yaml"), yaml_of(place.work / "ground-board.yaml")
    sigma_deg = found.pop("normal_sigma_deg"), before.pop("normal_sigma_deg")
    assert sigma_deg[0] == pytest.approx(sigma_deg[1], rel=0.1)
    assert_same(found, before)


def test_a_floor_is_taken_with_the_lens_that_saw_it_alone(place: Place) -> None:
    floor = ("replay", "take.mcap", "--lift", *MODEL, "--ground", "ground-board.yaml", "-o")
    place.realtime(*floor, "own.mcap", *LENS)
    refused = place.realtime(*floor, "other.mcap", "--camera", "camera-guess.yaml", code=2)
    assert "another camera calibration" in sentence(refused)


@on_linux
def test_a_lens_is_found_by_the_address_of_its_camera(place: Place) -> None:
    """In the previous version's folder for it, here under this test's own port."""
    film = cv2.VideoCapture(str(place.work / "floor.avi"))
    picture = film.read()[1]
    film.release()
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            try:
                while True:
                    self.wfile.write(head + jpeg + b"\r\n")
            except ConnectionError:
                return  # it has seen enough

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        (lens,) = (place.home / "config/realtime-pose/calibration/cameras").glob("127-0-0-1-*-board")
        shutil.copytree(lens, lens.with_name(f"127-0-0-1-{port}-board"))
        place.realtime("calibrate", "ground", "--on-board", "--source", f"http://127.0.0.1:{port}/board",
                       "-o", "seen.yaml")  # fmt: skip
        server.shutdown()
    seen, before = yaml_of(place.work / "seen.yaml"), yaml_of(place.work / "ground-board.yaml")
    assert seen["camera_identity"] == before["camera_identity"]
    assert seen["camera_height_m"] == pytest.approx(before["camera_height_m"], abs=0.005)


@on_linux
def test_people_are_measured_and_kept_where_they_were(place: Place, tmp_path: Path) -> None:
    new = Place(place.work, tmp_path)
    new.realtime("calibrate", "person", "ana", "--height", 1.76)
    new.realtime("calibrate", "person", "bo", "--height", 1.7, "--rigid", "--source", "keypoints.npz", *LENS, *MODEL)
    for name in ("ana", "bo"):
        (kept,) = (line for line in (FILES / "places.txt").read_text().split() if line.endswith(f"/{name}.yaml"))
        measured, before = yaml_of(tmp_path / kept), yaml_of(place.home / kept)
        bones = [some.pop("bones_m") for some in (measured, before)]
        assert_same(measured, before)
        assert bones[0].keys() == bones[1].keys()
        if name == "bo":  # left and right are one since
            ours, theirs = (np.array([*some.values()]) for some in bones)
            np.testing.assert_allclose(ours, theirs, rtol=0.5)
