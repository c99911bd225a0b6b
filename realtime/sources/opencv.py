"""OpenCV's captures, with our timeouts and without their words."""

from __future__ import annotations

import os
from typing import Any

_OPEN_TIMEOUT_S = 10.0


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
