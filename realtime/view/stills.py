"""Pictures that are no film of their own: a folder of PNGs, an animated GIF, one sheet of stills."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from engines.write_aside import write_aside
from realtime.view.frame_writer import UNDONE, Image, check_writable

_GIF_S, _GIF_COLOURS = 0.02, 128  # the shortest still that browsers keep to
_SHEET_STILLS, _SHEET_COLUMNS, _SHEET_WIDTH_PX = 12, 4, 1920
_GAP_PX = 8


class PngWriter:
    """frame_000001.png and so on, one for each picture."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        check_writable(folder)
        self.frames, self._folder = 0, folder

    def __enter__(self) -> PngWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every picture is on disk already."""

    def write(self, image_bgr: Image, time_s: float) -> None:
        path = self._folder / f"frame_{self.frames + 1:06d}.png"
        write_aside(path, lambda aside: aside.write_bytes(_png(image_bgr)))
        self.frames += 1


class GifWriter:
    """Every picture for as long as the source showed it, to a fiftieth of a second; all of them fit into memory."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self._path = path
        self._pictures: list[Any] = []
        self._times_s: list[float] = []

    def __enter__(self) -> GifWriter:
        return self

    def write(self, image_bgr: Image, time_s: float) -> None:
        from PIL import Image as Pillow

        self.frames += 1
        if self._times_s and 0 <= time_s - self._times_s[-1] < _GIF_S:
            return
        colours = Pillow.Quantize.FASTOCTREE
        self._pictures.append(Pillow.fromarray(image_bgr[..., ::-1]).quantize(_GIF_COLOURS, method=colours))
        self._times_s.append(time_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._pictures or isinstance(error, UNDONE):
            return
        steps_s = np.diff(self._times_s)
        usual_s = float(np.median(steps_s)) if len(steps_s) else 1.0
        shown_ms = [max(20, round(1000 * step)) if step > 0 else 33 for step in (*steps_s.tolist(), usual_s)]
        first, *others = self._pictures
        write_aside(
            self._path,
            lambda aside: first.save(
                aside, "GIF", save_all=True, append_images=others, duration=shown_ms, loop=0, optimize=True
            ),
        )


class SheetWriter:
    """A dozen stills, spread over all there were, in one picture."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self._path = path
        self._kept: list[Image] = []
        self._every = 1

    def __enter__(self) -> SheetWriter:
        return self

    def write(self, image_bgr: Image, time_s: float) -> None:
        if self.frames % self._every == 0:
            self._kept.append(image_bgr.copy())
            if len(self._kept) == 2 * _SHEET_STILLS:  # of a length that nobody knows: every second one is enough
                self._kept = self._kept[::2]
                self._every *= 2
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept or isinstance(error, UNDONE):
            return
        count = min(len(self._kept), _SHEET_STILLS)
        chosen = [self._kept[at] for at in np.linspace(0, len(self._kept) - 1, count).round().astype(int)]
        code = cv2.imencode(self._path.suffix.lower(), sheet(chosen))[1].tobytes()
        write_aside(self._path, lambda aside: aside.write_bytes(code))


def sheet(pictures: list[Image]) -> Image:
    """Pictures of one size side by side in rows of up to four, 1920 pixels wide."""
    columns = min(_SHEET_COLUMNS, len(pictures))
    width = (_SHEET_WIDTH_PX - (columns - 1) * _GAP_PX) // columns
    height = round(width * pictures[0].shape[0] / pictures[0].shape[1])
    rows = -(-len(pictures) // columns)
    out = np.full((rows * (height + _GAP_PX) - _GAP_PX, _SHEET_WIDTH_PX, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + _GAP_PX), index % columns * (width + _GAP_PX)
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        out[top : top + height, left : left + width] = small
    return out


def _png(image_bgr: Image) -> bytes:
    return bytes(cv2.imencode(".png", image_bgr)[1].tobytes())
