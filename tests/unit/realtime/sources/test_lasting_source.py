"""A camera that goes away, and comes back much later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mjpeg_server import MjpegServer
from waiting import until

from engines.errors import UserError
from realtime.sources import lasting_source
from realtime.sources.lasting_source import LastingSource
from realtime.sources.live_source import RECONNECT_WAITS_S, open_url
from realtime.sources.opencv import quiet_ffmpeg
from realtime.sources.source import CaptureOptions, Frame, Source


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting_source, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(lasting_source, "LONGEST_WAIT_S", 0.1)
    quiet_ffmpeg()


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    images = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(10)]
    with MjpegServer(images, fps=50) as server:
        yield server


def opening(camera: MjpegServer) -> Any:
    def open_it() -> Source:
        return open_url(camera.url, CaptureOptions(), reconnect_waits_s=(0.01,))

    return open_it


def next_frame(source: LastingSource) -> Frame:
    found: list[Frame] = []

    def read() -> None:
        try:
            frame = source.read(0.2)
        except TimeoutError:
            return
        assert frame is not None
        found.append(frame)

    until(lambda: bool(found), read)
    return found[0]


def test_a_camera_that_gave_itself_up_is_opened_again_and_its_frames_go_on(camera: MjpegServer) -> None:
    with LastingSource(opening(camera), lasts=True, known=False, give_up_s=None) as source:
        before = next_frame(source).stamp.frame_id
        camera.stop()
        until(lambda: bool(source.away), lambda: read_once(source))
        for _ in range(20):
            with pytest.raises(TimeoutError, match="127"):
                source.read(0.01)
        camera.start()
        assert next_frame(source).stamp.frame_id > before
        assert source.away == ""


def read_once(source: LastingSource) -> None:
    try:
        source.read(0.05)
    except TimeoutError:
        return


def test_who_does_not_want_to_wait_is_told(camera: MjpegServer) -> None:
    with LastingSource(opening(camera), lasts=True, known=False, give_up_s=0.0) as source:
        next_frame(source)
        camera.stop()
        with pytest.raises(UserError, match=r"did not come back|gives no picture"):
            until(lambda: False, lambda: read_once(source))


def test_a_source_that_was_never_open_is_a_mistake_and_a_known_one_is_waited_for(camera: MjpegServer) -> None:
    camera.stop()
    with pytest.raises(UserError, match="gives no picture"):
        LastingSource(opening(camera), lasts=True, known=False, give_up_s=None)
    with LastingSource(opening(camera), lasts=True, known=True, give_up_s=None) as source:
        assert "gives no picture" in source.away
        camera.start()
        assert next_frame(source).image_bgr.shape == (64, 64, 3)


def test_a_file_that_is_gone_is_not_waited_for() -> None:
    def gone() -> Source:
        raise UserError("there is no walk.mp4")

    with pytest.raises(UserError, match=r"there is no walk\.mp4"):
        LastingSource(gone, lasts=False, known=True, give_up_s=None)


def test_a_camera_that_was_away_for_seconds_is_asked_again_within_a_second() -> None:
    away_s = 0.0
    for wait_s in RECONNECT_WAITS_S:
        assert wait_s <= max(1.0, away_s / 3)
        away_s += wait_s
    assert away_s > 10  # then it is given up, and waited for as one that stays away
