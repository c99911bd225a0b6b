"""The calibration board: what is printed, and its corners found in a picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError

KINDS = ("charuco", "chessboard")
MIN_CORNERS = 8
_FIND = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
_SUBPIXEL = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)


@dataclass(frozen=True, slots=True)
class Board:
    """`columns` x `rows` counts squares. The origin is the corner of the outer square, z into the board."""

    kind: str = "charuco"
    columns: int = 9
    rows: int = 6
    square_m: float = 0.028
    marker_m: float = 0.021
    dictionary: str = "DICT_4X4_50"
    legacy: bool = False  # of OpenCV before 4.6 or of calib.io: with even rows the colours are exchanged

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"unknown board {self.kind!r}: use one of {', '.join(KINDS)}")
        if min(self.columns, self.rows) < 3 or max(self.columns, self.rows) > 40:
            raise UserError(f"a board of {self.columns}x{self.rows} squares cannot be used: give 3 to 40 each way")
        if not 0.003 <= self.square_m <= 1.0:
            raise UserError(f"squares of {self.square_m * 1000:g} mm: give 3 to 1000 mm")
        if self.kind == "charuco" and not 0.4 * self.square_m < self.marker_m < 0.95 * self.square_m:
            raise UserError(f"markers of {self.marker_m * 1000:g} mm do not fit squares of {self.square_m * 1000:g} "
                            "mm: make them about three quarters of a square")
        if self.kind == "charuco":
            room, need = len(_dictionary(self.dictionary).bytesList), self.columns * self.rows // 2
            if need > room:
                raise UserError(f"{self.dictionary} has {room} markers, {self.columns}x{self.rows} squares need "
                                f"{need}: use --dictionary {_larger(self.dictionary, need)}")

    def corner_points(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inner corners (n,) by number, row by row -> (n, 3) metres on the board."""
        across = self.columns - 1
        return np.stack([(ids % across + 1) * self.square_m, (ids // across + 1) * self.square_m, 0 * ids],
                        -1).astype(np.float32)

    def charuco(self) -> Any:
        made = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_m, self.marker_m,
                                      _dictionary(self.dictionary))
        made.setLegacyPattern(self.legacy)
        return made

    def __str__(self) -> str:
        sizes = f"{self.square_m * 1000:g} mm"
        if self.kind == "charuco":
            sizes += f", markers {self.marker_m * 1000:g} mm, {self.dictionary}" + ", legacy" * self.legacy
        return f"{self.kind} {self.columns}x{self.rows} squares of {sizes}"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The board's corners in one picture."""

    name: str
    image_wh: tuple[int, int]
    ids: NDArray[np.int64] = field(repr=False)  # (n,)
    corners_px: NDArray[np.float32] = field(repr=False)  # (n, 2)
    sharpness: float = 0.0  # mean gradient at the corners relative to their contrast; about 0.1 blurred, 0.3 sharp


class BoardFinder:
    """Finds one kind of board; keeps what the detector needs. `markers`: in the last picture, fitting or not.

    A legacy board is recognised by itself: from then on `board` says so.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.markers = 0
        self._detector = cv2.aruco.CharucoDetector(board.charuco()) if board.kind == "charuco" else None
        self._sure = board.legacy or board.rows % 2 == 1  # which of the two layouts it is: with odd rows they agree

    def find(self, image: NDArray[np.uint8], name: str) -> View | None:
        """The board in a grey or BGR picture, or None."""
        grey = np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        found = self._chessboard(grey) if self._detector is None else self._charuco(grey)
        if self._detector is not None and not self._sure:
            found = found if self._fits(found) else self._legacy(grey)
            self._sure = self._fits(found)
        if found is None or len(found[0]) < MIN_CORNERS:
            return None
        ids, corners = found
        width, height = grey.shape[1], grey.shape[0]
        if len(set(ids % (self.board.columns - 1))) < 2 or len(set(ids // (self.board.columns - 1))) < 2:
            return None  # all on one line
        return View(name, (width, height), ids, corners, _sharpness(grey, corners))

    def looks_mirrored(self, image: NDArray[np.uint8]) -> bool:
        """True where the markers are found only in the mirrored picture; a chessboard cannot tell."""
        return self._detector is not None and self.find(np.ascontiguousarray(image[:, ::-1]), "mirrored") is not None

    def _charuco(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        assert self._detector is not None
        corners, ids, _, markers = self._detector.detectBoard(grey)
        self.markers = 0 if markers is None else len(markers)
        if ids is None or len(ids) == 0:
            return None
        return np.asarray(ids).reshape(-1).astype(np.int64), np.asarray(corners, np.float32).reshape(-1, 2)

    def _legacy(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """The same in the other layout, which is kept where it fits."""
        if self.markers < MIN_CORNERS // 2:
            return None
        markers, before = self.markers, self._detector
        other = replace(self.board, legacy=True)
        self._detector = cv2.aruco.CharucoDetector(other.charuco())
        found = self._charuco(grey)
        if self._fits(found):
            self.board = other
            return found
        self.markers, self._detector = markers, before
        return None

    @staticmethod
    def _fits(found: tuple[NDArray[np.int64], NDArray[np.float32]] | None) -> bool:
        return found is not None and len(found[0]) >= MIN_CORNERS

    def _chessboard(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        pattern = (self.board.columns - 1, self.board.rows - 1)
        found, corners = cv2.findChessboardCornersSB(grey, pattern, flags=_FIND)
        if not found:
            return None
        return np.arange(pattern[0] * pattern[1]), np.asarray(corners, np.float32).reshape(-1, 2)


def _dictionary(name: str) -> Any:
    number = getattr(cv2.aruco, name, None) if name.startswith("DICT_") else None
    if number is None:
        raise UserError(f"unknown marker dictionary {name!r}: use one of OpenCV's, like DICT_4X4_50")
    return cv2.aruco.getPredefinedDictionary(number)


def _larger(name: str, need: int) -> str:
    """A dictionary with so many markers, of the same kind where there is one: the smaller is a part of the larger."""
    kind = name.rpartition("_")[0]
    kinds = (kind, "DICT_APRILTAG") if "APRILTAG" in name else (kind, "DICT_4X4")
    for size in (*(f"{kind}_{count}" for kind in kinds for count in (50, 100, 250, 1000)), "DICT_APRILTAG_36h11",
                 "DICT_APRILTAG_36h10"):  # fmt: skip
        if hasattr(cv2.aruco, size) and len(_dictionary(size).bytesList) >= need:
            return size
    raise AssertionError(f"no dictionary has {need} markers")


def _sharpness(grey: NDArray[np.uint8], corners: NDArray[np.float32]) -> float:
    """Steepest gradient over contrast around the corners, median: blind to exposure and to the board's distance."""
    reach = 6
    values = []
    for x, y in corners.astype(int):
        patch = grey[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].astype(np.float32)
        if min(patch.shape) > reach:
            contrast = float(np.ptp(patch))
            values.append(float(np.abs(np.diff(patch, axis=1)).max()) / max(contrast, 16.0))
    return float(np.median(values)) if values else 0.0
