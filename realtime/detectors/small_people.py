"""Where a detector looks: at the whole picture, or at a part of it round people who are too small to be found in it.

MediaPipe finds people in the picture made small, 224 pixels across. Where it finds nobody, the picture is searched
beside, in overlapping squares, one at a time and so many a second. From where somebody is found, a square goes with
them until they are large enough, or gone; once a second the whole picture is looked at for people who need none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.clock import NS_PER_S
from realtime.contracts import Array

Picture = NDArray[np.uint8]
Find = Callable[[Picture], Sequence[Array]]  # a picture (H, W, 3) -> boxes (2, 2) of people in it: corners in pixels

_TILE = 2 / 3  # of the picture's shorter side
_OVERLAP = 1 / 3  # of a tile, at least: as large is a person who is in one of them whole
_SEARCH_NS = NS_PER_S // 8  # a tile
_WHOLE_NS = NS_PER_S  # a look at the whole picture, while a part is followed
_ROOM = 2.5  # the square followed is so many times as large as the people in it
_LEAST_PX = 96
_LARGE = 0.75  # of the picture's shorter side: a square as large is no better than the whole
_PATIENCE_NS = NS_PER_S // 2  # nobody in the square for so long: they are gone
_FOLLOW = 0.25  # of the way to where it should be, each frame: tracking within it takes no leaps
_STEP_PX = 16  # squares are of such sizes: a picture of a new size costs more


@dataclass(frozen=True, slots=True)
class Square:
    """Of a picture, whole within it."""

    left: int
    top: int
    side: int

    def of(self, image_bgr: Picture) -> Picture:
        rows, columns = slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)
        return np.ascontiguousarray(image_bgr[rows, columns])

    def to_whole(self, xy: Array, image_wh: tuple[int, int]) -> Array:
        """Places (N, 2) in parts of this square -> in parts of the picture."""
        return np.asarray((xy * self.side + (self.left, self.top)) / image_wh, np.float32)


class SmallPeople:
    """Of one source. `square` is where to look in the next picture; None: at all of it."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self.clear()

    def clear(self) -> None:
        """Another scene begins."""
        self.square: Square | None = None
        self._next = 0  # the tile that is searched next
        self._due_ns: int | None = None
        self._seen_ns = 0

    def saw(self, image_bgr: Picture, at_ns: int, boxes: Sequence[Array]) -> None:
        """Told what was found in a picture: boxes (2, 2) of people, corners in its pixels."""
        if self._due_ns is not None and at_ns < self._due_ns - _WHOLE_NS:
            self._due_ns = None  # the film begins again
        due = self._due_ns is None or at_ns >= self._due_ns
        if self.square is not None:
            self._follow(image_bgr, at_ns, boxes, due)
        elif boxes:
            self._next = 0
        elif due:
            self._search(image_bgr, at_ns)

    def _search(self, image_bgr: Picture, at_ns: int) -> None:
        """One of the tiles, in turn."""
        self._due_ns = at_ns + _SEARCH_NS
        tiles = tiles_of(image_bgr.shape[1], image_bgr.shape[0])
        tile = tiles[self._next % len(tiles)]
        self._next += 1
        corner = np.array((tile.left, tile.top), np.float32)
        boxes = [box + corner for box in self._find(tile.of(image_bgr))]
        if boxes:
            self.square, self._seen_ns = _round(boxes, image_bgr), at_ns
            self._due_ns = at_ns + _WHOLE_NS

    def _follow(self, image_bgr: Picture, at_ns: int, boxes: Sequence[Array], due: bool) -> None:
        if boxes:
            self._seen_ns = at_ns
            wanted = _round(boxes, image_bgr)
            self.square = None if wanted is None or self.square is None else _towards(self.square, wanted, image_bgr)
        elif not 0 <= at_ns - self._seen_ns < _PATIENCE_NS:
            self.square = None
        if due and self.square is not None:
            self._due_ns = at_ns + _WHOLE_NS
            if any(not _touch(box, self.square) for box in self._find(image_bgr)):
                self.square = None


def tiles_of(width: int, height: int) -> list[Square]:
    """Squares that cover a picture and overlap, from its middle outwards."""
    side = max(round(_TILE * min(width, height)), 1)
    lefts, tops = _starts(width, side), _starts(height, side)
    middle = np.array((width - side, height - side)) / 2
    tiles = [Square(left, top, side) for top in tops for left in lefts]
    return sorted(tiles, key=lambda tile: float(np.hypot(*(np.array((tile.left, tile.top)) - middle))))


def _starts(length: int, side: int) -> list[int]:
    count = 1 if length <= side else 1 + int(np.ceil((length - side) / ((1 - _OVERLAP) * side)))
    return [round(start) for start in np.linspace(0, max(length - side, 0), count)]


def _round(boxes: Sequence[Array], image_bgr: Picture) -> Square | None:
    """The square about people, with room for where they go; None: the whole picture serves as well."""
    corners = np.stack(boxes)
    low, high = corners[:, 0].min(0), corners[:, 1].max(0)
    side = _ROOM * float((high - low).max())
    if side >= _LARGE * min(image_bgr.shape[:2]):
        return None
    return _square((low + high) / 2, side, image_bgr)


def _towards(square: Square, wanted: Square, image_bgr: Picture) -> Square:
    centres = [np.array((one.left, one.top)) + one.side / 2 for one in (square, wanted)]
    side = wanted.side if abs(wanted.side - square.side) > _STEP_PX else square.side
    return _square(
        centres[0] + _FOLLOW * (centres[1] - centres[0]), square.side + _FOLLOW * (side - square.side), image_bgr
    )  # fmt: skip


def _square(centre: NDArray[np.float64], side_px: float, image_bgr: Picture) -> Square:
    height, width = image_bgr.shape[:2]
    side = min(max(_STEP_PX * round(side_px / _STEP_PX), _LEAST_PX), width, height)
    left, top = (centre - side / 2).clip(0, (width - side, height - side))
    return Square(round(float(left)), round(float(top)), side)


def _touch(box: Array, square: Square) -> bool:
    return bool(np.all(box[1] >= (square.left, square.top))
                and np.all(box[0] <= (square.left + square.side, square.top + square.side)))  # fmt: skip
