"""Opens anything that gives pictures: a camera, a file, a network stream, or a demo clip."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from realtime.contracts import Stamp

_CAMERA = re.compile(r"(?:/dev/video)?(\d+)")
_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_USERINFO = re.compile(r"^([^/]*//)[^/?#]*@")  # up to the last @ before the path: passwords hold some
_OPEN_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. The source owns the pixels: they are valid until the next `read`."""

    stamp: Stamp
    image_bgr: NDArray[np.uint8]  # (H, W, 3)


@runtime_checkable
class Source(Protocol):
    """Where frames come from. A context manager; used by one thread, but `close` may come from any."""

    name: str
    image_wh: tuple[int, int]
    fps: float  # nominal; 0 where the source does not say
    live: bool  # a camera or stream: latest wins
    dropped: int  # frames lost or skipped so far

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """The next frame, or None at the end.

        Raises TimeoutError where none came within `timeout_s` (None: wait as long as it takes), UserError where the
        source is gone for good.
        """

    def close(self) -> None: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What a camera is asked for (None: its default), and whether pictures are mirrored left to right."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    mirror: bool = False


def open_source(
    source: str,
    *,
    loop: bool = False,
    max_speed: bool = False,
    width: int | None = None,
    height: int | None = None,
    fps: float | None = None,
    mirror: bool = False,
) -> Source:
    """Opens a camera ("0", "/dev/video0"), a file, an rtsp:// or http(s):// address, or "demo".

    Files play at their own speed (late frames are skipped and counted), or with `max_speed` as fast as they are read
    with none skipped. Live sources keep only the latest frame. Raises UserError for all that cannot be opened.
    """
    from realtime.sources.file_source import FileSource
    from realtime.sources.live_source import open_camera, open_url
    from realtime.sources.read_ahead import ReadAhead

    options = CaptureOptions(width, height, fps, mirror)
    quiet_ffmpeg()
    camera = _CAMERA.fullmatch(source)
    if camera:
        return open_camera(int(camera[1]), options)
    if _URL.match(source):
        return open_url(source, options, loop=loop, max_speed=max_speed)
    file = FileSource(str(video_path(source)), source, options, loop=loop, max_speed=max_speed)
    return ReadAhead(file) if max_speed else file


def video_path(source: str) -> Path | None:
    """The file that a source is, looked at, or fetched where it is a clip of the cache; None: a camera or an address.

    Raises UserError.
    """
    from realtime.assets.fetch import ASSETS, fetch
    from realtime.sources.file_source import probe_file

    if _CAMERA.fullmatch(source) or _URL.match(source):
        return None
    clip = source in ASSETS and ASSETS[source].suffix == ".mp4"
    return fetch(source) if clip else probe_file(source)


def shown(source: str) -> str:
    """A source as it may be said and logged: an address without its user and password."""
    return _USERINFO.sub(r"\1", source) if _URL.match(source) else source


def quiet_ffmpeg() -> None:
    """FFmpeg and OpenCV say in their own words on stderr what we say in ours."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # the one way OpenCV offers; read at each opening
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def open_capture(target: str | int, timeout_s: float = _OPEN_TIMEOUT_S, read_timeout_s: float = 5.0) -> Any:
    """A `cv2.VideoCapture`, opened or not. Network targets give up after the timeouts."""
    import cv2

    if isinstance(target, int):
        return cv2.VideoCapture(target)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(timeout_s * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_timeout_s * 1000)]  # fmt: skip
    return cv2.VideoCapture(target, cv2.CAP_FFMPEG, timeouts)
