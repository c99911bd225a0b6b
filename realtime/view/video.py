"""Pictures to an .mp4 or a folder of PNGs. Written aside and renamed: what has its name is whole and can be played."""

from __future__ import annotations

import glob
import itertools
import os
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from engines.errors import UserError
from engines.write_aside import refuse_existing, write_aside
from realtime.sources.probe import require_utf8

Image = NDArray[np.uint8]

_PROBE = 8  # frames held back until the stream's rate is known
_RATES_HZ = (5, 10, 12, 15, 20, 24, 25, 30, 50, 60)
_LONGEST_STILL_S = 10.0  # a longer gap in the stream is shortened to this


class FrameWriter(Protocol):
    """Takes pictures with the stream's times, in order. Leaving the context finishes the file, whatever ended it."""

    frames: int  # pictures taken

    def __enter__(self) -> FrameWriter: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write(self, image_bgr: Image, time_s: float) -> None: ...


def check_output(out: Path, overwrite: bool) -> None:
    """`out` ends in .mp4: a video, a new one unless `overwrite`; else a folder, new or empty. Raises UserError."""
    require_utf8(out)
    if out.suffix.lower() == ".mp4":
        if out.is_dir():
            raise UserError(f"{out} is a folder: name a file that ends in .mp4")
        refuse_existing(out, overwrite)
    elif out.suffix:
        raise UserError(f"{out}: name a file that ends in .mp4, or a folder for PNG pictures")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder: name a new one")


def open_writer(out: Path, size_wh: tuple[int, int], overwrite: bool = False) -> FrameWriter:
    """The writer for such an `out`. Raises UserError at once where it cannot be written."""
    try:
        check_output(out, overwrite)
        return Mp4Writer(out, size_wh) if out.suffix else PngWriter(out)
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror}): name a folder you may write in") from error


def newest_picture(out: Path) -> tuple[int, int] | None:
    """Tells one film, or one last PNG of a folder, from another; None where there is none."""
    path = max(out.glob("frame_*.png"), default=out / "none") if out.is_dir() else out
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


class PngWriter:
    """frame_000001.png and so on, one for each picture."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _check_writable(folder)
        self.frames, self._folder = 0, folder

    def __enter__(self) -> PngWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every picture is on disk already."""

    def write(self, image_bgr: Image, time_s: float) -> None:
        path = self._folder / f"frame_{self.frames + 1:06d}.png"
        write_aside(path, lambda aside: aside.write_bytes(cv2.imencode(".png", image_bgr)[1].tobytes()))
        self.frames += 1


class Mp4Writer:
    """MPEG-4 at a constant rate, taken from the first pictures' times. Some are repeated or left out to keep time."""

    def __init__(self, path: Path, size_wh: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_writable(path.parent)
        self.frames = 0
        self._path, self._size_wh = path, size_wh
        # A whole path: FFmpeg takes what is before a colon in a bare name for a protocol.
        self._aside = path.absolute().with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
        _clear_away(path)
        self._probe: list[tuple[Image, float]] = []
        self._video: cv2.VideoWriter | None = None
        self._rate_hz, self._written, self._start_s = 30.0, 0, 0.0
        self._last: Image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)

    def __enter__(self) -> Mp4Writer:
        return self

    def write(self, image_bgr: Image, time_s: float) -> None:
        self.frames += 1
        if self._video is not None:
            self._place(image_bgr, time_s)
            return
        self._probe.append((image_bgr, time_s))
        if len(self._probe) == _PROBE:
            self._begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._probe:
                self._begin()
            if self._video is not None:
                self._video.release()
                self._finish()
        finally:
            self._aside.unlink(missing_ok=True)

    def _begin(self) -> None:
        times = [time_s for _, time_s in self._probe]
        self._rate_hz = _rate(times)
        video = cv2.VideoWriter(str(self._aside), cv2.VideoWriter.fourcc(*"mp4v"), self._rate_hz, self._size_wh)
        if not video.isOpened():
            self._probe = []
            raise UserError(f"OpenCV cannot write {self._path} here: name a folder for PNG pictures instead")
        self._video, self._start_s = video, times[0]
        for image_bgr, time_s in self._probe:
            self._place(image_bgr, time_s)
        self._probe = []

    def _place(self, image_bgr: Image, time_s: float) -> None:
        """Half a frame early or late is nothing; beyond, the last picture is repeated or this one left out."""
        assert self._video is not None
        due = (time_s - self._start_s) * self._rate_hz
        late = due - self._written
        if late > _LONGEST_STILL_S * self._rate_hz or late < -_LONGEST_STILL_S * self._rate_hz:
            # A break in the stream, or a clock that was set: go on from here.
            self._start_s = time_s - self._written / self._rate_hz
            late = 0.0
        if late < -1.5:
            return
        for _ in range(int(late + 0.25)):
            self._video.write(self._last)
            self._written += 1
        self._video.write(image_bgr)
        self._written += 1
        self._last = image_bgr

    def _finish(self) -> None:
        """OpenCV does not say when the disk is full: count what can be read back."""
        check = cv2.VideoCapture(str(self._aside))
        readable = int(check.get(cv2.CAP_PROP_FRAME_COUNT)) if check.isOpened() else 0
        check.release()
        if readable < self._written:
            raise UserError(f"only {readable} of {self._written} frames fit into {self._path}: free some space")
        os.replace(self._aside, self._path)


def _clear_away(path: Path) -> None:
    """What viewers that were killed have left of this film."""
    for left in path.parent.glob(glob.escape(f".{path.stem}.") + "*" + glob.escape(path.suffix)):
        pid = left.name[len(path.stem) + 2 : -len(path.suffix)]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)


def _rate(times_s: list[float]) -> float:
    """The usual frame rate nearest to these times'; 30 where they do not tell."""
    steps = [after - before for before, after in itertools.pairwise(times_s) if after > before]
    if not steps:
        return 30.0
    rate = 1 / median(steps)
    return float(min(_RATES_HZ, key=lambda usual: abs(usual / rate - 1)))


def _check_writable(folder: Path) -> None:
    probe = folder / f".realtime-{os.getpid()}"
    probe.touch()
    probe.unlink()
