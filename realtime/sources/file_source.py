"""A video file as a source: at its own speed like a camera, or as fast as it is read."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import av.error
import cv2
import numpy as np

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.sources.image_sequence import ImageSequence
from realtime.sources.source import CaptureOptions, Frame
from realtime.sources.video import Video

log = logging.getLogger("realtime.capture")

_DEFAULT_FPS = 30.0
# At the seam of a loop the picture jumps, so the source's timeline does too: readers start afresh after a gap.
_LOOP_GAP_NS = NS_PER_S
_SLIP_NS = NS_PER_S
_GAP_NS = 5 * NS_PER_S  # without a picture in the file: nobody is kept waiting for longer


class FileSource(Closing):
    """Decodes on the reader's thread. `capture_ns` is when the frame was due and taken."""

    live = False

    def __init__(
        self, target: str | list[Path], name: str, options: CaptureOptions, *, loop: bool, max_speed: bool,
        every_frame: bool = False,
    ) -> None:  # fmt: skip
        """`target`: what FFmpeg opens, or pictures in their order. Raises UserError where there is no first frame."""
        self.name = name
        self.dropped = 0
        self._target = target
        self._options = options
        self._loop = loop
        self._max_speed = max_speed
        self._every_frame = every_frame
        self._closed = threading.Event()
        self._start_ns = round(options.start_s * NS_PER_S)  # on the file's own timeline
        self._video = self._open()
        said_fps = _sane_fps(self._video.fps)
        self.fps = options.file_fps or said_fps
        self._slower = self.fps / said_fps  # the file's timeline runs so many times slower than what it shows
        self._frame_ns = round(NS_PER_S / self.fps)
        self._frame_id = -1
        self._passes = 0
        self._frames_in_pass = 0
        self._damaged = 0  # pictures of this pass that are known to be lost
        self._pass_start_ns = 0  # where this pass begins on the playing timeline
        self._play_ns = -self._frame_ns  # the grabbed frame's place on it
        self._zero_ns: int | None = None  # the playing timeline's zero on the monotonic clock
        self._positioned = self._find_start()  # the pass's first picture is there, and not counted yet
        self._grabbed = self._advance()
        first = self._video.retrieve() if self._grabbed else None
        if first is None:
            why = self._why_no_frame()
            self.close()
            self.release()
            raise UserError(why)
        self.image_wh = (first.shape[1], first.shape[0])

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """See `Source.read`. A frame is read when it is due; when the reader is late, the latest due one,
        or all one after the other (`every_frame`)."""
        while not self._closed.is_set() and (self._grabbed or self._advance()):
            if not self._max_speed:
                self._wait_until_due(timeout_s)
                if self._closed.is_set() or not (self._every_frame or self._skip_late()):
                    return None
            self._grabbed = False
            source_ns = self._play_ns + self._passes * _LOOP_GAP_NS
            stamp = Stamp(self._frame_id, monotonic_ns(), source_ns)
            image = self._video.retrieve()
            if image is None:
                continue  # it is counted with the next one
            return Frame(stamp, np.asarray(cv2.flip(image, 1), np.uint8) if self._options.mirror else image)
        return None

    def close(self) -> None:
        self._closed.set()

    def release(self) -> None:
        self._video.release()

    def _open(self) -> Video | ImageSequence:
        if not isinstance(self._target, str):
            return ImageSequence(self._target, self._options.file_fps or _DEFAULT_FPS)
        # At full speed a reader works beside it: FFmpeg's threads would take turns with it, and slow it by a tenth.
        beside_reader = max(1, (os.cpu_count() or 2) - 1) if self._max_speed else None
        try:
            return Video(self._target, threads=beside_reader)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"{self.name} cannot be read as a video: it is damaged, cut off or of an unknown "
                            "format") from error

    def _find_start(self) -> bool:
        """Grabs the first picture at or after the start. False where there is none."""
        found = self._start_ns > 0 and self._video.seek(self._start_ns) and self._video.grab()
        if found and (self._video.position_ns is None or self._video.position_ns > self._start_ns):
            self._video.release()  # where seeking is a guess it is read from its beginning
            self._video = self._open()
            found = False
        found = found or self._video.grab()
        count, frame_ns = 0, round(self._frame_ns * self._slower)
        while found and self._position_ns(count, frame_ns) < self._start_ns - frame_ns // 2:
            found = self._video.grab()
            count += 1
        return found

    def _position_ns(self, count: int, frame_ns: int) -> int:
        position_ns = self._video.position_ns
        return count * frame_ns if position_ns is None else position_ns

    def _why_no_frame(self) -> str:
        duration_ns = self._video.duration_ns
        if self._start_ns and duration_ns and self._start_ns >= duration_ns:
            return f"{self.name} is {duration_ns / NS_PER_S:.1f} s long: give a --start before its end"
        return f"{self.name} has no frame that can be decoded: it is damaged or cut off, give another file"

    def _advance(self) -> bool:
        """Grabs the next frame, from the beginning again where the file loops. False at the end.

        Raises UserError for a file that cannot be played again.
        """
        if not (self._positioned or self._video.grab()):
            self._tell_what_is_missing()
            if not self._loop:
                return False
            self._video.release()
            self._video = self._open()
            self._passes += 1
            self._frames_in_pass = self._damaged = 0
            self._pass_start_ns = self._play_ns + self._frame_ns - round(self._start_ns / self._slower)
            if not self._find_start():  # it had pictures before
                raise UserError(f"{self.name} has no frame any more: it was cut off or replaced while it was played")
        self._positioned = False
        self._frames_in_pass += 1
        lost, self._damaged = self._video.damaged - self._damaged, self._video.damaged
        self.dropped += lost
        self._frame_id += 1 + lost
        self._move_to(self._video.position_ns)
        self._grabbed = True
        return True

    def _move_to(self, position_ns: int | None) -> None:
        """The playing timeline goes on to a picture with this time in the file."""
        previous_ns, next_ns = self._play_ns, self._play_ns + self._frame_ns
        if position_ns is not None:
            next_ns = self._pass_start_ns + round(position_ns / self._slower)
        self._play_ns = next_ns if next_ns > previous_ns else previous_ns + self._frame_ns  # unusable time stamps
        gap_ns = self._play_ns - previous_ns
        if self._frames_in_pass > 1 and gap_ns > _GAP_NS and not self._max_speed:
            log.warning("%s shows nothing for %.0f s of its time: playing on at once", self.name, gap_ns / NS_PER_S)
            self._zero_ns = None

    def _tell_what_is_missing(self) -> None:
        if self._video.damaged or self._video.torn:
            log.warning("%s is damaged: %d pictures could not be decoded and were left out, %d were torn",
                        self.name, self._video.damaged, self._video.torn)  # fmt: skip
        if not self._frames_in_pass:
            return  # which is an error of its own
        expected = self._video.frame_count
        missing = expected - self._frames_in_pass
        few = self._start_ns > 0 or missing > 2 + expected // 50  # some containers only estimate the count
        if few and self._ends_early():
            log.warning("%s ends after %d of %d frames: it is damaged or cut off",
                        self.name, self._frames_in_pass, expected)  # fmt: skip

    def _ends_early(self) -> bool:
        """By its time, where that is known: pictures may be as far apart as they like."""
        duration_ns = self._video.duration_ns
        if duration_ns is None or not self._frames_in_pass:
            return True
        end_ns = (self._play_ns - self._pass_start_ns + self._frame_ns) * self._slower
        return bool(duration_ns - end_ns > 2 * self._frame_ns * self._slower + duration_ns / 50)

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
            if self._zero_ns is None:  # the file's time has jumped
                return True
        if self._late_ns() > _SLIP_NS:  # decoding alone is slower than the file plays: let its clock slip
            self._zero_ns = None
        return True


def _sane_fps(fps: float) -> float:
    return fps if 1 <= fps <= 480 else _DEFAULT_FPS  # NaN, 0, or a container's time base
