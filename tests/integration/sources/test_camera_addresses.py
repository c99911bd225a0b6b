"""Cameras by links to their devices, and by addresses with passwords as people write them."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from file_server import QuietFiles, served

from engines.errors import UserError
from realtime.sources.open_source import open_source


def test_a_camera_by_a_link_to_its_device(tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to("/dev/video98")
    with pytest.raises(UserError, match="camera 98"):
        open_source(str(link))


def test_a_password_as_people_write_it_reaches_the_camera(tmp_path: Path) -> None:
    asked: list[str] = []

    class Guarded(QuietFiles):
        def do_GET(self) -> None:  # noqa: N802 the base class's name
            given = self.headers.get("Authorization", "")
            asked.append(base64.b64decode(given.removeprefix("Basic ")).decode())
            if given:
                super().do_GET()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for level in range(10):
        writer.write(np.full((48, 64, 3), 12 * level, np.uint8))
    writer.release()
    with served(tmp_path, Guarded) as address:
        host = address.removeprefix("http://")
        with open_source(f"http://admin:p#s/s?1@{host}/clip.avi", max_speed=True) as source:
            assert source.name == f"http://{host}/clip.avi"
            assert source.read() is not None
    assert "admin:p#s/s?1" in asked
