"""The newest picture of the source in shared memory, small, as JPEG: for the viewer on this machine, and nobody else.

Pictures never leave the machine. One writer, any number of readers; two slots in turns, each behind a sequence word and
a checksum as in realtime.ring.ring: a picture that is overwritten while it is read is not there. OpenCV is imported
where pictures are: the session that makes the slots has none.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from realtime.closing import Closing
from realtime.ring.segment import Segment

Image = NDArray[np.uint8]

WIDTH_PX, _QUALITY = 640, 80
_SLOT_BYTES = 512 * 1024
_SLOTS = 2
_HEAD = struct.Struct("<Q")  # number of the newest picture
_ABOUT = struct.Struct("<QqII")  # the picture's number, its frame's, length and checksum


class PictureSlot(Closing):
    """Create it in the session, attach to it in the producer and the viewer; close it everywhere, unlink it once."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._memory = memoryview(segment.mapping)
        self._read = 0  # number of the picture that was read last

    @classmethod
    def create(cls, name: str) -> PictureSlot:
        """Raises UserError where there is no room."""
        return cls(Segment.create(name, _HEAD.size + _SLOTS * (_ABOUT.size + _SLOT_BYTES)))

    @classmethod
    def attach(cls, name: str) -> PictureSlot:
        """Raises UserError where there is none."""
        return cls(Segment.attach(name))

    def write(self, frame_id: int, image_bgr: Image) -> None:
        """The picture of a frame; one too large even when small is left out."""
        import cv2

        jpeg = cv2.imencode(".jpg", small(image_bgr), (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1]
        if len(jpeg) > _SLOT_BYTES:
            return
        number = _HEAD.unpack_from(self._memory)[0] + 1
        start = self._start(number)
        _ABOUT.pack_into(self._memory, start, 0, 0, 0, 0)  # nobody takes what was there for whole
        self._memory[start + _ABOUT.size : start + _ABOUT.size + len(jpeg)] = jpeg.data
        _ABOUT.pack_into(self._memory, start, number, frame_id, len(jpeg), zlib.crc32(jpeg.data))
        _HEAD.pack_into(self._memory, 0, number)

    def read(self) -> tuple[int, Image] | None:
        """The newest picture and its frame's id, where there is one that was not read before."""
        number = _HEAD.unpack_from(self._memory)[0]
        if number == self._read:
            return None
        start = self._start(number)
        about = _ABOUT.unpack_from(self._memory, start)
        jpeg = bytes(self._memory[start + _ABOUT.size : start + _ABOUT.size + min(about[2], _SLOT_BYTES)])
        if about[0] != number or about != _ABOUT.unpack_from(self._memory, start) or zlib.crc32(jpeg) != about[3]:
            return None
        import cv2

        self._read = number
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        return (about[1], image.astype(np.uint8, copy=False)) if image is not None else None

    def close(self) -> None:
        self._memory.release()
        self._segment.close()

    def unlink(self) -> None:
        self._segment.unlink()

    @staticmethod
    def _start(number: int) -> int:
        return _HEAD.size + (number % _SLOTS) * (_ABOUT.size + _SLOT_BYTES)


def slot_name(ring_name: str) -> str:
    """The picture's segment beside a session's ring."""
    return f"{ring_name}-picture"


def small(image_bgr: Image) -> Image:
    """At most WIDTH_PX wide."""
    height, width = image_bgr.shape[:2]
    if width <= WIDTH_PX:
        return image_bgr
    import cv2

    size_wh = WIDTH_PX, max(1, round(height * WIDTH_PX / width))
    return cv2.resize(image_bgr, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
