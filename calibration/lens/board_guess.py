"""Which board it is after all, where the one that was said is not in the pictures, or is a part of what is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.lens.board import MIN_CORNERS, Board, BoardFinder
from engines.errors import UserError

_KINDS = ("DICT_4X4_1000", "DICT_5X5_1000", "DICT_6X6_1000", "DICT_7X7_1000", "DICT_ARUCO_ORIGINAL",
          "DICT_ARUCO_MIP_36h12", "DICT_APRILTAG_36h11")  # fmt: skip
_LONGER_SIDE_PX = 1280  # large pictures of no board cost seconds each


def guess_board(board: Board, images: Sequence[NDArray[np.uint8]]) -> str:
    """What to say instead, as options of the command; "" where nothing near what was said fits better."""
    small = [_small(image) for image in images]
    best, most = None, (0, 0)
    for other in _near(_with_dictionary(board, small)):
        finder = BoardFinder(other)
        views = [finder.find(image, "guess") for image in small]
        corners = max((len(view.ids) for view in views if view is not None), default=0)
        if corners and (corners, -other.columns * other.rows) > most:  # a part of the board may fit too
            best, most = other, (corners, -other.columns * other.rows)
    return "" if best is None or best == board else _options(board, best)


def _near(board: Board) -> Iterator[Board]:
    """Boards of a slip's distance: inner corners counted, sides exchanged, both, one side miscounted."""
    across, down = board.columns, board.rows
    sizes = [(across, down), (across + 1, down + 1), (down, across), (down + 1, across + 1), (across - 1, down - 1)]
    if board.kind == "charuco":
        sizes += [(across + 1, down), (across, down + 1), (across - 1, down), (across, down - 1)]
    for columns, rows in sizes:
        try:
            yield replace(board, columns=columns, rows=rows)
        except UserError:  # no such board
            continue


def _with_dictionary(board: Board, images: Sequence[NDArray[np.uint8]]) -> Board:
    """With the dictionary that most markers in the pictures are of, if it is another kind."""
    if board.kind != "charuco":
        return board
    seen = {kind: max((_markers(kind, image) for image in images), default=0) for kind in (board.dictionary, *_KINDS)}
    best = max(seen, key=lambda kind: seen[kind])  # the one that was said, where they are equal
    return replace(board, dictionary=best) if seen[best] >= max(MIN_CORNERS, seen[board.dictionary] + 3) else board


def _markers(dictionary: str, image: NDArray[np.uint8]) -> int:
    known = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    _, ids, _ = cv2.aruco.ArucoDetector(known).detectMarkers(image)
    return 0 if ids is None else len(ids)


def _options(said: Board, right: Board) -> str:
    options = f"--columns {right.columns} --rows {right.rows}"
    if right.dictionary != said.dictionary:
        options += f" --dictionary {right.dictionary}"
    if (right.columns, right.rows) == (said.columns + 1, said.rows + 1):
        options += " (squares are counted, not inner corners)"
    return options


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrink = _LONGER_SIDE_PX / max(image.shape[:2])
    if shrink >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
