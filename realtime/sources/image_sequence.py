"""Numbered pictures as a film: a folder of them, img_%04d.png, or frames/*.jpg."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from engines.errors import UserError
from engines.folders import expanded
from realtime.sources.capture import Image

_NUMBERED = re.compile(r"%0?\d*d")
_WILD = re.compile(r"[*?\[]")


def sequence_of(source: str) -> list[Path] | None:
    """The pictures that a source names, in the order of their numbers; None where it names no several.

    Raises UserError for a folder without pictures, and for a pattern that fits none.
    """
    path = expanded(source.removeprefix("file://"))
    if path.is_file():
        return None
    if path.is_dir():
        found = _pictures_in(path)
        if not found:
            raise UserError(f"{path} is a folder without pictures: give one video file in it, or a folder of frames")
    elif _NUMBERED.search(path.name):
        wanted = re.compile(r"\d+".join(map(re.escape, _NUMBERED.split(path.name))))
        found = [file for file in _listed(path.parent) if wanted.fullmatch(file.name)]
    elif _WILD.search(path.name):
        found = [file for file in path.parent.glob(path.name) if file.is_file()]
    else:
        return None
    if not found:
        raise UserError(f"no picture is called {path}: give a folder of them, img_%04d.png or 'frames/*.jpg'")
    return sorted(found, key=_in_order)


class ImageSequence:
    """A `Capture` with an end. A picture that cannot be read is left out and counted in `damaged`."""

    duration_ns = None
    position_ns = None
    torn = 0
    is_file = True

    def __init__(self, files: list[Path], fps: float) -> None:
        self._files, self.fps = files, fps
        self._at = -1
        self.damaged = 0

    @property
    def frame_count(self) -> int:
        return len(self._files)

    def grab(self) -> bool:
        self._at += 1
        return self._at < len(self._files)

    def retrieve(self, into: Image | None = None) -> Image | None:
        """Upright by its EXIF orientation, 8 bits, without transparency."""
        image = cv2.imread(str(self._files[self._at]), cv2.IMREAD_COLOR)
        if image is None:
            self.damaged += 1
            return None
        if into is None or into.shape != image.shape:
            return np.asarray(image, np.uint8)
        np.copyto(into, image)
        return into

    def seek(self, at_ns: int) -> bool:
        """It has no times of its own: who wants a later picture grabs until it is there."""
        return False

    def release(self) -> None:
        self._at = len(self._files)


def holds_pictures(folder: Path) -> bool:
    return any(map(_is_picture, folder.iterdir()))


def _pictures_in(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if _is_picture(file)]


def _is_picture(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() != ".gif" and cv2.haveImageReader(str(file))


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _in_order(file: Path) -> list[tuple[int, str]]:
    """img_2 before img_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name) if part]
