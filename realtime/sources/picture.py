"""Decoded frames to pictures as they are meant to be seen: whole frames, square pixels, upright, BGR."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from realtime.sources.capture import Image

_SANE_ASPECTS = (Fraction(1, 4), Fraction(4))  # of a pixel; others are mistakes of who wrote the file
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class Deinterlacer:
    """Two half pictures, taken one after the other, to one whole. Frames that are no such pair go through untouched.

    From the first pair on it is a frame behind: the half pictures before and after are what the gaps are filled from.
    """

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._form: tuple[int, int, str] | None = None

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        form = (frame.width, frame.height, frame.format.name)
        if self._graph is not None and form != self._form:
            yield from self.flush()
        if self._graph is None:
            if not frame.interlaced_frame:
                yield frame
                return
            self._graph, self._form = _deinterlacing(frame), form
        self._graph.push(frame)
        yield from _pulled(self._graph)

    def flush(self) -> Iterator[av.VideoFrame]:
        """What it still holds."""
        if self._graph is not None:
            self._graph.push(None)
            yield from _pulled(self._graph)
            self._graph = None


def _deinterlacing(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):  # it wants more, or has no more
        while True:
            yield graph.vpull()


class Painter:
    """Frames to BGR pictures. Keeps what the conversion needs from one to the next."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def paint(self, frame: av.VideoFrame, pixel_aspect: Fraction | None, into: Image | None) -> Image:
        """(H, W, 3): what the conversion wrote, where that is a picture as it is; else a copy, in `into` where it fits.

        `pixel_aspect`: a pixel's width over its height. Raises FFmpegError.
        """
        width, height = square_size(frame.width, frame.height, pixel_aspect)
        converted = self._reformatter.reformat(frame, width, height, "bgr24")
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        image = rows[:, : 3 * width].reshape(height, width, 3)
        turn = _TURNS.get(frame.rotation % 360)
        if turn is None and image.flags.c_contiguous and converted is not frame:  # else it is the decoder's own
            return image
        shape = (width, height, 3) if frame.rotation % 180 else (height, width, 3)
        painted = into if into is not None and into.shape == shape else np.empty(shape, np.uint8)
        if turn is None:
            np.copyto(painted, image)
        else:
            cv2.rotate(image, turn, dst=painted)
        return painted


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """The size with square pixels: the shorter way is drawn out, so that nothing of the picture is lost."""
    if not pixel_aspect or not _SANE_ASPECTS[0] <= pixel_aspect <= _SANE_ASPECTS[1]:
        return width, height
    return (round(width * pixel_aspect), height) if pixel_aspect > 1 else (width, round(height / pixel_aspect))
