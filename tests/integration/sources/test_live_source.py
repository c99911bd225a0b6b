"""A real webcam over HTTP: latest wins, stalls, cuts, unplugging; and cameras and addresses that are not there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from file_server import served
from mjpeg_server import MjpegServer
from rtsp_server import RtspServer, transport_stream

from engines.errors import UserError
from realtime.sources.live_source import camera_devices, open_url
from realtime.sources.open_source import open_source
from realtime.sources.opencv import quiet_ffmpeg
from realtime.sources.source import CaptureOptions, Frame, Source

FRAMES = 20
STEP = 12  # grey levels between one frame and the next
TIMEOUT_S = 20
PLAIN = CaptureOptions()


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    """Paced by hand; frame n is grey level n * STEP on its right half."""
    quiet_ffmpeg()
    images = [np.full((48, 64, 3), number * STEP, np.uint8) for number in range(FRAMES)]
    for image in images:
        image[:, :32] = 0
    with MjpegServer(images) as server:
        yield server


def connect(camera: MjpegServer, options: CaptureOptions = PLAIN, waits_s: tuple[float, ...] = (0.05,) * 40) -> Source:
    """Opens the camera, whose first frames are let out for it to be recognised by."""
    camera.advance(2)
    return open_url(camera.url, options, stall_s=1.0, reconnect_waits_s=waits_s)


def number(frame: Frame, column: int = -1) -> int:
    return round(float(frame.image_bgr[24, column].mean()) / STEP)


def read_until(source: Source, wanted: int) -> list[Frame]:
    """The stamps of all frames up to the one that shows `wanted`."""
    frames = []
    while True:
        frame = source.read(TIMEOUT_S)
        assert frame is not None
        frames.append(frame)
        if number(frame) == wanted:
            return frames


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        threading.Event().wait(0.005)


def test_frames_arrive_stamped_in_order(camera: MjpegServer) -> None:
    with connect(camera) as source:
        assert (source.image_wh, source.live, source.name) == ((64, 48), True, camera.url)
        camera.advance(3)
        frames = read_until(source, 4)
    ids = [frame.stamp.frame_id for frame in frames]
    stamps = [frame.stamp.capture_ns for frame in frames]
    assert ids == sorted(set(ids))
    assert stamps == sorted(set(stamps))
    assert all(frame.stamp.source_ns == frame.stamp.capture_ns for frame in frames)


def test_every_frame_is_delivered_or_counted(camera: MjpegServer) -> None:
    with connect(camera) as source:
        count = len(read_until(source, 1))
        for wanted in (4, 9, 19):
            before = source.dropped
            camera.advance(wanted + 1 - camera.released)
            eventually(lambda before=before: source.dropped > before)
            count += len(read_until(source, wanted))
        assert count + source.dropped == FRAMES


def test_the_reader_keeps_its_frame_while_newer_ones_come_in(camera: MjpegServer) -> None:
    with connect(camera) as source:
        held = read_until(source, 1)[-1]
        for _ in range(4):  # more than there are buffers, each of them grabbed
            before = source.dropped
            camera.advance(2)
            eventually(lambda before=before: source.dropped > before)
        assert number(held) == 1
        assert number(read_until(source, 9)[-1]) == 9


def test_mirror(camera: MjpegServer) -> None:
    with connect(camera, CaptureOptions(mirror=True)) as source:
        camera.advance(4)
        while number(frame := source.read(TIMEOUT_S), 0) < 5:
            assert number(frame, -1) == 0


def test_a_size_that_changes_is_followed() -> None:
    images = [np.full((48, 64, 3), 10, np.uint8), np.full((48, 64, 3), 20, np.uint8)]
    images += [np.full((96, 128, 3), 100, np.uint8)] * 8
    with MjpegServer(images) as camera:
        camera.advance(2)
        with open_url(camera.url, PLAIN, stall_s=1.0) as source:
            assert source.image_wh == (64, 48)
            camera.advance(3)
            while (frame := source.read(TIMEOUT_S)) is not None and frame.image_bgr.shape[0] == 48:
                pass
            assert frame is not None
            assert frame.image_bgr.shape == (96, 128, 3)
            assert abs(int(frame.image_bgr[90, 120, 0]) - 100) < 3


def test_a_stalled_camera_times_out_and_is_read_again_when_it_recovers(camera: MjpegServer) -> None:
    with connect(camera) as source:
        read_until(source, 1)
        camera.stall()
        camera.advance(3)
        with pytest.raises(TimeoutError, match="no frame from http"):
            source.read(0.05)
        camera.resume()
        read_until(source, 4)


def test_a_cut_connection_is_made_again(camera: MjpegServer) -> None:
    with connect(camera) as source:
        before = read_until(source, 1)[-1].stamp
        camera.cut()
        camera.wait_for_client()
        camera.advance(5)
        after = source.read(TIMEOUT_S)
        assert after is not None
        assert after.stamp.frame_id > before.frame_id


def test_a_camera_that_is_plugged_in_again_goes_on(camera: MjpegServer) -> None:
    with connect(camera) as source:
        read_until(source, 1)
        camera.stop()
        camera.start()
        camera.advance(5)
        assert source.read(TIMEOUT_S) is not None


def test_a_camera_that_stays_away_is_given_up_in_one_sentence(camera: MjpegServer) -> None:
    with connect(camera, waits_s=(0.01, 0.01)) as source:
        read_until(source, 1)
        camera.stop()
        with pytest.raises(UserError, match="stopped giving frames and did not come back"):
            source.read(TIMEOUT_S)


def test_close_wakes_a_reader(camera: MjpegServer) -> None:
    with connect(camera) as source:
        read_until(source, 1)
        results: list[Frame | None] = []
        reader = threading.Thread(target=lambda: results.append(source.read(TIMEOUT_S)))
        reader.start()
        source.close()
        reader.join(TIMEOUT_S)
    assert results == [None]


def test_no_thread_outlives_the_source(camera: MjpegServer) -> None:
    with connect(camera) as source:
        read_until(source, 1)
        camera.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("grab ")]


def test_a_video_file_behind_an_address_plays_like_a_file(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for level in range(10):
        writer.write(np.full((48, 64, 3), level * STEP, np.uint8))
    writer.release()
    with served(tmp_path) as address, open_source(f"{address}/clip.avi", max_speed=True) as source:
        assert not source.live
        shown = []
        while (frame := source.read()) is not None:
            shown.append(number(frame))
    assert shown == list(range(10))


def test_an_image_behind_an_address_is_no_stream(tmp_path: Path) -> None:
    quiet_ffmpeg()
    cv2.imwrite(str(tmp_path / "snapshot.jpg"), np.zeros((48, 64, 3), np.uint8))
    with (
        served(tmp_path) as address,
        open_url(f"{address}/snapshot.jpg", PLAIN, reconnect_waits_s=(0.01,)) as source,
    ):
        assert source.read(TIMEOUT_S) is not None
        with pytest.raises(UserError, match=r"snapshot\.jpg is an image, not a stream: give"):
            source.read(TIMEOUT_S)


def test_an_ip_camera_over_rtsp(tmp_path: Path) -> None:
    quiet_ffmpeg()
    clip = transport_stream(tmp_path / "clip.ts", frames=25)
    with RtspServer(clip) as camera, open_url(camera.url, PLAIN, reconnect_waits_s=(0.01,)) as source:
        assert (source.image_wh, source.live) == ((160, 120), True)
        frames = [source.read(TIMEOUT_S) for _ in range(30)]
        ids = [frame.stamp.frame_id for frame in frames if frame is not None]
        assert len(ids) == 30
        assert ids == sorted(set(ids))
        assert ids[-1] + 1 - len(ids) <= source.dropped


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/video.mjpg", "rtsp://127.0.0.1:{port}/live"])
def test_an_address_where_nobody_listens(address: str) -> None:
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="gives no picture: check the address, the network"):
            open_source(address.format(port=taken.getsockname()[1]))


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/video.mjpg"
        with pytest.raises(UserError, match="gives no picture"):
            open_url(url, PLAIN, timeout_s=0.2, stall_s=0.2)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"there is no camera 97: (plug one in|use one of)|camera 97 gives no picture"):
        open_source("97")


def test_a_camera_by_its_device_path() -> None:
    with pytest.raises(UserError, match="camera 98"):
        open_source("/dev/video98")


def test_the_first_camera_where_there_is_one() -> None:
    if not camera_devices():
        pytest.skip("no camera on this machine")
    with open_source("0") as source:
        assert source.live
        assert source.read(TIMEOUT_S) is not None
