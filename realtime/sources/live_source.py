"""Cameras and network streams: a grabber thread keeps only the latest frame, and reconnects a stream that stalls."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import av.error
import cv2
import numpy as np

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.sources.address import shown, sound
from realtime.sources.capture import Capture, Image
from realtime.sources.file_source import FileSource
from realtime.sources.opencv import open_camera_capture
from realtime.sources.source import CaptureOptions, Frame, Source
from realtime.sources.video import Video

log = logging.getLogger("realtime.capture")

# A camera that was away for some seconds is back a second later; for one that stays away see lasting_source.
RECONNECT_WAITS_S = (0.5, 0.5, 0.5, *[1.0] * 5, 1.5, 1.5, 2.0, 2.0, 2.0)
_CLOSE_TIMEOUT_S = 2.0
_IMAGES = 2  # connections that end after one frame, until it is no accident


def open_camera(index: int, options: CaptureOptions) -> LiveSource:
    """Raises UserError where the camera is not there, taken, or gives nothing."""

    return LiveSource(
        lambda: open_camera_capture(index, options), f"camera {index}", options, lambda: _why_no_camera(index)
    )


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
    name, url = shown(url), sound(url)
    first = _connect(url, timeout_s, stall_s)
    if first is not None and first.is_file:
        first.release()
        return FileSource(url, name, options, loop=loop, max_speed=max_speed)
    try:
        require_none_of_a_file(options)
    except UserError:
        if first is not None:
            first.release()
        raise
    connected = [first]
    return LiveSource(
        lambda: connected.pop() if connected else _connect(url, timeout_s, stall_s),
        name,
        options,
        lambda: f"{name} gives no picture: check the address, the network, and that the camera is on",
        reconnect_waits_s,
        ended_s=stall_s / 2,
    )


def require_none_of_a_file(options: CaptureOptions) -> None:
    """Raises UserError for what only a file can be asked for."""
    if options.start_s or options.file_fps:
        raise UserError("--start and --source-fps (source.start_s, source.file_fps) are of video files: a camera has "
                        "a time of its own, leave them out")  # fmt: skip


def _connect(url: str, timeout_s: float, stall_s: float) -> Video | None:
    try:
        return Video(url, timeout_s, stall_s, live=True)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        log.debug("%s: %s", shown(url), getattr(error, "strerror", None) or type(error).__name__)
        return None


class LiveSource(Closing):
    """Latest wins: three buffers go round between the grabber (writing), the newest frame, and the reader."""

    live = True

    def __init__(
        self,
        connect: Callable[[], Capture | None],
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
        first = self._capture.retrieve() if self._capture is not None and self._capture.grab() else None
        if self._capture is None or first is None:
            self._disconnect()
            raise UserError(why_not())
        self.fps = self._capture.fps
        self.image_wh = (first.shape[1], first.shape[0])
        self._frame_id = -1
        self._writing: Image = first
        self._newest: Image = np.empty_like(first)
        self._reading: Image = np.empty_like(first)
        self._damaged = self._capture.damaged  # of this connection; what was before its first picture is no loss
        self._told = False  # of the others
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
            if self._capture is not None and self._capture.grab():
                self._take(self._capture, monotonic_ns())
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
        self._disconnect()

    def _take(self, capture: Capture, stamp_ns: int) -> None:
        image = capture.retrieve(self._writing)
        self._count_damaged(capture.damaged)
        if image is not None:
            self._writing = image
            self._publish(stamp_ns)

    def _count_damaged(self, damaged: int) -> None:
        """Pictures of this connection that were lost on the way, or could not be decoded."""
        lost, self._damaged = damaged - self._damaged, damaged
        if lost <= 0:
            return
        if not self._told:
            self._told = True
            log.warning("%s gives pictures that cannot be decoded: they count as dropped", self.name)
        self._frame_id += lost
        with self._changed:
            self.dropped += lost

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
            self._disconnect()
            if self._stop.wait(wait_s):
                return False
            self._capture = self._connect()
            if self._capture is not None and self._capture.grab():
                self._damaged = self._capture.damaged
                return True
        self._give_up(f"{self.name} stopped giving frames and did not come back: check it and start again")
        return False

    def _disconnect(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _give_up(self, why: str) -> None:
        with self._changed:
            self._lost = UserError(why)
            self._changed.notify_all()


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
