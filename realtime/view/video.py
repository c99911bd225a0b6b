"""Pictures to a film: H.264 in .mp4, each at its own time. Written aside and renamed: what has its name is whole."""

from __future__ import annotations

import errno
import glob
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from engines.errors import UserError
from realtime.view.frame_writer import UNDONE, Image, check_writable

_TICKS_HZ = 90_000  # of the film's clock
_STEP_S = 1 / 30  # from one picture to the next where their times do not tell
_LONGEST_STILL_S = 10.0  # a longer gap in the stream is shortened to this
_QUALITY = {"crf": "20", "preset": "veryfast", "threads": "1"}


class Mp4Writer:
    """Every picture once, at its time: players and browsers show it for as long as the source did."""

    def __init__(self, path: Path, size_wh: tuple[int, int]) -> None:
        check_writable(path.absolute().parent)
        self.frames = 0
        self._path, self._size_wh = path, size_wh
        clear_away(path)
        self._film: Any = None
        self._stream: Any = None
        self._aside: Path | None = None
        self._times = FilmTimes()

    def __enter__(self) -> Mp4Writer:
        return self

    def write(self, image_bgr: Image, time_s: float) -> None:
        """Raises UserError where the disk is full."""
        import av

        try:
            if self._film is None:
                self._begin()
            frame = av.VideoFrame.from_ndarray(image_bgr, format="bgr24")
            frame.pts, frame.time_base = self._times.place(time_s), Fraction(1, _TICKS_HZ)
            self._film.mux(self._stream.encode(frame))
        except OSError as error:
            raise self._no_room(error) from error
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._film is not None and not isinstance(error, UNDONE):
                self._film.mux(self._stream.encode())
                self._film.close()
                assert self._aside is not None
                os.replace(self._aside, self._path)
        except OSError as full:
            raise self._no_room(full) from full
        finally:
            if self._aside is not None:
                self._aside.unlink(missing_ok=True)

    def _begin(self) -> None:
        import av

        # a whole path: FFmpeg takes what is before a colon in a bare name for a protocol
        folder, prefix = self._path.absolute().parent, f".{self._path.stem}.{os.getpid()}."
        handle, name = tempfile.mkstemp(self._path.suffix, prefix, folder)
        os.close(handle)
        os.chmod(name, 0o644)
        self._aside = Path(name)
        self._film = av.open(name, "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._film.add_stream("libx264", rate=30, options=_QUALITY)
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, _TICKS_HZ)

    def _no_room(self, error: OSError) -> UserError:
        why = os.strerror(error.errno) if error.errno else str(error)
        hint = ": free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return UserError(f"{self._path} cannot be written ({why}){hint}")


class FilmTimes:
    """The source's times as ticks of the film's clock: from 0, always later, no still for longer than ten seconds."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._place_s = 0.0
        self._tick = -1

    def place(self, time_s: float) -> int:
        """The tick of the picture of this time."""
        if self._last_s is not None:
            step_s = time_s - self._last_s
            # backwards: a loop, or a clock that was set
            self._place_s += min(step_s, _LONGEST_STILL_S) if step_s > 0 else _STEP_S
        self._last_s = time_s
        self._tick = max(self._tick + 1, round(self._place_s * _TICKS_HZ))
        return self._tick


def clear_away(path: Path) -> None:
    """What viewers that were killed have left of this film."""
    for left in path.parent.glob(glob.escape(f".{path.stem}.") + "*" + glob.escape(path.suffix)):
        pid = left.name[len(path.stem) + 2 :].partition(".")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)
