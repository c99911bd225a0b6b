"""Pictures of a camera that is mounted on its side or upside down, turned upright, and those of a mirror."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.closing import Closing
from realtime.sources.capture import Image
from realtime.sources.source import Frame, Source

TURNS_DEG = (0, 90, 180, 270)
_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Turned(Closing):
    """Another source's pictures, turned clockwise by 90, 180 or 270 degrees into one buffer."""

    def __init__(self, source: Source, clockwise_deg: int) -> None:
        self._source, self._code = source, _CODES[clockwise_deg]
        self.name, self.fps, self.live = source.name, source.fps, source.live
        width, height = source.image_wh
        self.image_wh = (width, height) if clockwise_deg == 180 else (height, width)
        self.dropped = source.dropped
        self._image: Image | None = None

    @property
    def reconnecting(self) -> bool:
        return bool(getattr(self._source, "reconnecting", False))

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """See `Source.read`."""
        frame = self._source.read(timeout_s)
        self.dropped = self._source.dropped
        if frame is None:
            return None
        self._image = np.asarray(cv2.rotate(frame.image_bgr, self._code, dst=self._image), np.uint8)
        return Frame(frame.stamp, self._image)

    def close(self) -> None:
        self._source.close()

    def release(self) -> None:
        self._source.release()
