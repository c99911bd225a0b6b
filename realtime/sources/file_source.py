"""A video file as a source: at its own speed like a camera, or as fast as it is read."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import cv2

from engines.errors import UserError
from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.sources.opencv import open_capture
from realtime.sources.source import CaptureOptions, Frame

log = logging.getLogger("realtime.capture")

_DEFAULT_FPS = 30.0
# At the seam of a loop the picture jumps, so the source's timeline does too: readers start afresh after a gap.
_LOOP_GAP_NS = NS_PER_S
_SLIP_NS = NS_PER_S


def require_utf8(path: Path) -> None:
    """OpenCV dies of other names. Raises UserError."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the name {str(path)!a} is not UTF-8: rename the file") from error


def probe_file(source: str) -> Path:
    """The path, after the mistakes that OpenCV would report as 'not opened' or not at all. Raises UserError.

    It is a whole one: FFmpeg takes what is before a colon in a bare name for a protocol.
    """
    path = Path(source.removeprefix("file://")).expanduser()
    require_utf8(path)
    if not path.exists():
        raise UserError(f"there is no file {path}: give a video file, a camera's number, an address, or 'demo'")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give one video file in it")
    if not path.is_file():
        raise UserError(f"{path} is no regular file, which can be read from its beginning: save the video as a file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    if empty:
        raise UserError(f"{path} is empty: give a video file with at least one frame")
    if path.suffix.lower() != ".gif" and cv2.haveImageReader(str(path)):
        raise UserError(f"{path} is an image, not a video: give a video file or a camera")
    return path.resolve()


class FileSource(Closing):
    """Decodes on the reader's thread into one buffer. `capture_ns` is when the frame was due and taken."""

    live = False

    def __init__(
        self, target: str, name: str, options: CaptureOptions, *, loop: bool, max_speed: bool, every_frame: bool = False
    ) -> None:  # fmt: skip
        """Raises UserError where there is no first frame."""
        self.name = name
        self.dropped = 0
        self._target = target
        self._options = options
        self._loop = loop
        self._max_speed = max_speed
        self._every_frame = every_frame
        self._closed = threading.Event()
        self._capture = self._open()
        self.fps = _sane_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self._expected_frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._frame_ns = round(NS_PER_S / self.fps)
        self._frame_id = -1
        self._passes = 0
        self._frames_in_pass = 0
        self._pass_start_ns = 0  # where this pass begins on the playing timeline
        self._play_ns = -self._frame_ns  # the grabbed frame's place on it
        self._zero_ns: int | None = None  # the playing timeline's zero on the monotonic clock
        self._grabbed = self._advance()
        ok, first = self._capture.retrieve() if self._grabbed else (False, None)
        if not ok or first is None:
            self.close()
            raise UserError(f"{name} has no frame that can be decoded: it is damaged or cut off, give another file")
        self._image: Any = first  # each frame is decoded into it
        self.image_wh = (self._image.shape[1], self._image.shape[0])

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """See `Source.read`. A frame is read when it is due; when the reader is late, the latest due one, or all one
        after the other (`every_frame`)."""
        if self._closed.is_set() or not (self._grabbed or self._advance()):
            return None
        if not self._max_speed:
            self._wait_until_due(timeout_s)
            if self._closed.is_set() or not (self._every_frame or self._skip_late()):
                return None
        self._grabbed = False
        source_ns = self._play_ns + self._passes * _LOOP_GAP_NS
        stamp = Stamp(self._frame_id, monotonic_ns(), source_ns)
        ok, self._image = self._capture.retrieve(self._image)
        if not ok:
            return None
        if self._options.mirror:
            cv2.flip(self._image, 1, dst=self._image)
        return Frame(stamp, self._image)

    def close(self) -> None:
        self._closed.set()

    def release(self) -> None:
        self._capture.release()

    def _open(self) -> Any:
        capture = open_capture(self._target)
        if not capture.isOpened():
            raise UserError(f"{self.name} cannot be read as a video: it is damaged, cut off or of an unknown format")
        return capture

    def _advance(self) -> bool:
        """Grabs the next frame, from the beginning again where the file loops. False at the end."""
        if not self._capture.grab():
            self._warn_if_cut_off()
            if not self._loop or self._frames_in_pass == 0:
                return False
            self._capture.release()
            self._capture = self._open()
            self._passes += 1
            self._frames_in_pass = 0
            self._pass_start_ns = self._play_ns + self._frame_ns
            if not self._capture.grab():
                return False
        self._frames_in_pass += 1
        self._frame_id += 1
        in_pass_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * NS_PER_MS)
        previous_ns, self._play_ns = self._play_ns, self._pass_start_ns + in_pass_ns
        if self._play_ns <= previous_ns:  # containers without usable time stamps
            self._play_ns = previous_ns + self._frame_ns
        self._grabbed = True
        return True

    def _warn_if_cut_off(self) -> None:
        missing = self._expected_frames - self._frames_in_pass
        if missing > 2 + self._expected_frames // 50:  # some containers only estimate the count
            log.warning("%s ends after %d of %d frames: it is damaged or cut off",
                        self.name, self._frames_in_pass, self._expected_frames)  # fmt: skip

    def _late_ns(self) -> int:
        now_ns = monotonic_ns()
        if self._zero_ns is None:
            self._zero_ns = now_ns - self._play_ns
        return now_ns - (self._zero_ns + self._play_ns)

    def _wait_until_due(self, timeout_s: float | None) -> None:
        wait_s = -self._late_ns() / NS_PER_S
        if timeout_s is not None and wait_s > timeout_s:
            self._closed.wait(timeout_s)
            if not self._closed.is_set():
                raise TimeoutError(f"no frame of {self.name} is due within {timeout_s} s")
        elif wait_s > 0:
            self._closed.wait(wait_s)

    def _skip_late(self) -> bool:
        """Skips as many frames as the reader is late, and counts them. False at the end of the file."""
        for _ in range(self._late_ns() // self._frame_ns):
            if not self._advance():
                return False
            self.dropped += 1
        if self._late_ns() > _SLIP_NS:  # decoding alone is slower than the file plays: let its clock slip
            self._zero_ns = None
        return True


def _sane_fps(fps: float) -> float:
    return fps if 1 <= fps <= 480 else _DEFAULT_FPS  # NaN, 0, or a container's time base
