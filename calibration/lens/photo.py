"""A photograph, and how its camera was held: upright for the eye, but a lens is the sensor's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.lens.board import View

Image = NDArray[np.uint8]


def read_photo(path: Path) -> tuple[Image, int] | None:
    """Grey and upright (H, W), and by how many quarter turns clockwise its EXIF says to turn what the sensor saw.

    None where it is no picture that can be read.
    """
    upright = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    sensor = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    if upright is None or sensor is None:
        return None
    turns = next((turns for turns in range(4) if np.array_equal(np.rot90(sensor, -turns), upright)), 0)
    return np.asarray(upright, np.uint8), turns


def held_alike(views: Sequence[View], turns: Sequence[int]) -> tuple[list[View], int]:
    """The views as if the camera had been held as for most of them, and how many had to be turned for that.

    `turns`: of each view's photograph. The centre of a lens is elsewhere in a picture that was turned.
    """
    if not views:
        return [], 0
    usual = min(Counter(turns).most_common(), key=lambda counted: (-counted[1], counted[0]))[0]
    alike = [_turned(view, (usual - its) % 4) for view, its in zip(views, turns, strict=True)]
    return alike, sum(its != usual for its in turns)


def _turned(view: View, turns: int) -> View:
    """By quarter turns clockwise."""
    for _ in range(turns):
        width, height = view.image_wh
        x, y = view.corners_px[:, 0], view.corners_px[:, 1]
        view = replace(view, image_wh=(height, width), corners_px=np.stack([height - 1 - y, x], 1).astype(np.float32))
    return view
