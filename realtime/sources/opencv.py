"""A camera of this machine, which OpenCV opens."""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np

from realtime.sources.capture import Image
from realtime.sources.source import CaptureOptions


class CameraCapture:
    """A camera by its number."""

    def __init__(self, capture: Any, options: CaptureOptions) -> None:
        self._capture = capture
        self.damaged = 0
        _configure(capture, options)

    @property
    def fps(self) -> float:
        return float(max(self._capture.get(cv2.CAP_PROP_FPS), 0.0))

    def grab(self) -> bool:
        return bool(self._capture.grab())

    def retrieve(self, into: Image | None = None) -> Image | None:
        ok, image = self._capture.retrieve(into)
        self.damaged += not ok
        return np.asarray(image, np.uint8) if ok else None

    def release(self) -> None:
        self._capture.release()


def open_camera_capture(index: int, options: CaptureOptions | None = None) -> CameraCapture | None:
    """None where the camera does not open."""
    capture = cv2.VideoCapture(index)
    if capture.isOpened():
        return CameraCapture(capture, options or CaptureOptions())
    capture.release()
    return None


def quiet_ffmpeg() -> None:
    """OpenCV and its FFmpeg say in their own words on stderr what we say in ours."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # the one way OpenCV offers; read at each opening
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


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
