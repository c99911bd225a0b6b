"""Cameras and network streams: a grabber thread keeps only the latest frame, and reconnects a stream that stalls."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.sources.address import shown
from realtime.sources.file_source import FileSource
from realtime.sources.opencv import open_capture
from realtime.sources.source import CaptureOptions, Frame, Source

log = logging.getLogger("realtime.capture")

RECONNECT_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_CLOSE_TIMEOUT_S = 2.0
_IMAGES = 2  # connections that end after one frame, until it is no accident


def open_camera(index: int, options: CaptureOptions) -> LiveSource:
    """Raises UserError where the camera is not there, taken, or gives nothing."""

    def connect() -> Any:
        capture = open_capture(index)
        if capture.isOpened():
            _configure(capture, options)
        return capture

    return LiveSource(connect, f"camera {index}", options, lambda: _why_no_camera(index))


def open_url(
    url: str,
    options: CaptureOptions,
    *,
    loop: bool = False,
    max_speed: bool = False,
    timeout_s: float = 10.0,
    stall_s: float = 5.0,
    reconnect_waits_s: tuple[float, ...] = RECONNECT_WAITS_S,
) -> Source:
    """A live stream, or a video file behind an address (which plays like a file). Raises UserError."""
    name = shown(url)
    capture = open_capture(url, timeout_s, stall_s)
    if capture.isOpened() and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        capture.release()
        return FileSource(url, name, options, loop=loop, max_speed=max_speed)
    captures = [capture]
    return LiveSource(
        lambda: captures.pop() if captures else open_capture(url, timeout_s, stall_s),
        name,
        options,
        lambda: f"{name} gives no picture: check the address, the network, and that the camera is on",
        reconnect_waits_s,
        ended_s=stall_s / 2,
    )


class LiveSource(Closing):
    """Latest wins: three buffers go round between the grabber (writing), the newest frame, and the reader."""

    live = True

    def __init__(
        self,
        connect: Callable[[], Any],
        name: str,
        options: CaptureOptions,
        why_not: Callable[[], str],
        reconnect_waits_s: tuple[float, ...] = RECONNECT_WAITS_S,
        ended_s: float = 0.0,
    ) -> None:
        """Waits for the first frame. Raises UserError with `why_not()` where there is none.

        A connection without a next frame has ended where that shows within `ended_s`; else it has stalled.
        """
        self.name = name
        self.dropped = 0
        self._connect = connect
        self._options = options
        self._reconnect_waits_s = reconnect_waits_s
        self._ended_s = ended_s
        self._capture = connect()
        ok, first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not ok or first is None:
            self._capture.release()
            raise UserError(why_not())
        self.fps = float(max(self._capture.get(cv2.CAP_PROP_FPS), 0.0))
        self.image_wh = (first.shape[1], first.shape[0])
        self._frame_id = -1
        self._writing: Any = first
        self._newest: Any = np.empty_like(first)
        self._reading: Any = np.empty_like(first)
        self._stamp: Stamp | None = None  # of the newest frame; None: it has been read
        self._lost: UserError | None = None
        self.reconnecting = False
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._publish(monotonic_ns())
        # A daemon: a grab that hangs in a driver must not keep the process alive.
        self._grabber = threading.Thread(target=self._grab_until_stopped, name=f"grab {name}", daemon=True)
        self._grabber.start()

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """See `Source.read`."""
        with self._changed:
            woken = self._changed.wait_for(lambda: self._stamp or self._lost or self._stop.is_set(), timeout_s)
            if self._stop.is_set():
                return None
            if self._stamp is None:
                if not woken:
                    raise TimeoutError(f"no frame from {self.name} within {timeout_s} s")
                assert self._lost is not None
                raise self._lost
            stamp, self._stamp = self._stamp, None
            self._newest, self._reading = self._reading, self._newest
            return Frame(stamp, self._reading)

    def close(self) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def release(self) -> None:
        self._grabber.join(_CLOSE_TIMEOUT_S)

    def _grab_until_stopped(self) -> None:
        frames, images = 1, 0  # of this connection; connections in a row that ended after one frame
        while not self._stop.is_set():
            asked_ns = monotonic_ns()
            if self._capture.grab():
                stamp_ns = monotonic_ns()
                ok, self._writing = self._capture.retrieve(self._writing)
                if ok:
                    self._publish(stamp_ns)
                frames += 1
                continue
            ended = monotonic_ns() - asked_ns < self._ended_s * NS_PER_S
            images = images + 1 if ended and frames == 1 else 0
            if images == _IMAGES:
                self._give_up(f"{self.name} is an image, not a stream: give the address of the camera's video")
            elif self._connected_again():
                frames = 1
                continue
            break
        self._capture.release()

    def _publish(self, stamp_ns: int) -> None:
        if self._options.mirror:
            cv2.flip(self._writing, 1, dst=self._writing)
        self._frame_id += 1
        with self._changed:
            if self._stamp is not None:
                self.dropped += 1
            self._stamp = Stamp(self._frame_id, stamp_ns, stamp_ns)
            self._newest, self._writing = self._writing, self._newest
            self._changed.notify_all()

    def _connected_again(self) -> bool:
        self.reconnecting = True
        try:
            return self._reconnect()
        finally:
            self.reconnecting = False

    def _reconnect(self) -> bool:
        """Opens the source again, waiting longer each time. False when stopped or given up."""
        for wait_s in self._reconnect_waits_s:
            log.warning("%s gives no frames: connecting again in %.1f s", self.name, wait_s)
            self._capture.release()
            if self._stop.wait(wait_s):
                return False
            self._capture = self._connect()
            if self._capture.isOpened() and self._capture.grab():
                return True
        self._give_up(f"{self.name} stopped giving frames and did not come back: check it and start again")
        return False

    def _give_up(self, why: str) -> None:
        with self._changed:
            self._lost = UserError(why)
            self._changed.notify_all()


def _configure(capture: Any, options: CaptureOptions) -> None:
    if options.width or options.height or options.fps:
        # USB cameras reach their larger sizes and rates only compressed.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    for prop, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, options.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, options.height),
        (cv2.CAP_PROP_FPS, options.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        if value:
            capture.set(prop, value)


def camera_devices() -> list[Path]:
    """The video devices of a Linux machine. Other systems have no list that costs nothing: empty."""
    return sorted(Path("/dev").glob("video[0-9]*")) if sys.platform == "linux" else []


def _why_no_camera(index: int) -> str:
    if sys.platform != "linux":
        return f"camera {index} gives no picture: check that it is connected, free, and permitted"
    device = Path(f"/dev/video{index}")
    if not device.exists():
        others = ", ".join(str(path) for path in camera_devices())
        instead = f"use one of {others}" if others else "plug one in, or use --source FILE or --source demo"
        return f"there is no camera {index}: {instead}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"camera {index} may not be used by this user: run 'sudo usermod -aG video $USER' and log in again"
    return f"camera {index} gives no picture: close the program that uses it, or use another of /dev/video*"
