"""Which views of the board to keep while someone waves it about, and what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.lens.board import Board, View
from calibration.lens.intrinsics import Calibration
from calibration.lens.rays import Camera

REGIONS = (3, 3)  # columns, rows of the picture
TILTS = ("left", "right", "up", "down")
ENOUGH_VIEWS = 20
_TILTED_DEG = 15.0
_SHARP = 0.18
# Of the picture's width: mean distance of the corners to those of every view kept.
_DISTINCT = 0.06  # where there are always more to choose from
_SAME = 0.005  # of chosen pictures those that differ less are the same one again; tilted in place is 0.01 and more
_WHERE = (("top left", "top", "top right"), ("left", "middle", "right"), ("bottom left", "bottom", "bottom right"))


@dataclass(frozen=True, slots=True)
class Progress:
    share: float  # 0 to 1
    missing: tuple[str, ...]  # what to do next, in words
    good: bool


class ViewSelector:
    """Keeps sharp views that differ from those kept; says what is missing. Tilts are judged with an assumed lens."""

    def __init__(self, board: Board, image_wh: tuple[int, int], needed: int = ENOUGH_VIEWS) -> None:
        self.views: list[View] = []
        self.board, self.image_wh, self.needed = board, image_wh, needed
        self.hits = np.zeros(REGIONS[::-1], int)  # corners seen in each region
        self._tilts: set[str] = set()
        self._lens = Camera.assumed(image_wh).camera_matrix

    def offer(self, view: View) -> bool:
        """True where the view was kept."""
        if view.image_wh != self.image_wh or view.sharpness < _SHARP or not _differs(view, self.views, _DISTINCT):
            return False
        self.views.append(view)
        column, row = self._region(view.corners_px)
        np.add.at(self.hits, (row, column), 1)
        self._tilts |= self._tilt(view)
        return True

    @property
    def progress(self) -> Progress:
        empty = [_WHERE[row][column] for row in range(REGIONS[1]) for column in range(REGIONS[0])
                 if self.hits[row, column] < 4]
        flat = [tilt for tilt in TILTS if tilt not in self._tilts]
        missing = [f"show the board in the {where} of the picture" for where in empty]
        missing += [f"tilt the board {tilt}" for tilt in flat]
        lacking = max(self.needed - len(self.views), 0)
        if lacking:
            missing.append(f"{lacking} more different views")
        steps = REGIONS[0] * REGIONS[1] + len(TILTS) + self.needed
        share = 1 - (len(empty) + len(flat) + lacking) / steps
        return Progress(share, tuple(missing), not missing)

    def _region(self, corners_px: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        cell = np.floor((corners_px + 0.5) / self.image_wh * REGIONS).astype(np.int64)
        return cell[:, 0].clip(0, REGIONS[0] - 1), cell[:, 1].clip(0, REGIONS[1] - 1)

    def _tilt(self, view: View) -> set[str]:
        known, turn, _ = cv2.solvePnP(self.board.corner_points(view.ids), view.corners_px, self._lens, None)
        if not known:
            return set()
        normal = np.asarray(cv2.Rodrigues(turn)[0])[:, 2]
        normal = normal * np.sign(normal[2])  # away from the camera
        across, along = np.degrees(np.arctan2(normal[:2], normal[2]))
        sides = {"left": -across, "right": across, "up": -along, "down": along}
        return {side for side, angle in sides.items() if angle > _TILTED_DEG}


def distinct_views(views: Sequence[View], at_most: int) -> list[View]:
    """Without those that show again what one before them shows; where that leaves too many, those that differ more."""
    by = _SAME
    while len(kept := _differing(views, by)) > at_most and by < 1:
        by *= 1.5
    return kept


def _differing(views: Sequence[View], by: float) -> list[View]:
    kept: list[View] = []
    for view in views:
        if _differs(view, kept, by):
            kept.append(view)
    return kept


def _differs(view: View, kept: Sequence[View], by: float) -> bool:
    for other in kept:
        _, here, there = np.intersect1d(view.ids, other.ids, return_indices=True)
        if len(here) >= 4 and view.image_wh == other.image_wh:
            moved = np.linalg.norm(view.corners_px[here] - other.corners_px[there], axis=1).mean()
            if moved < by * view.image_wh[0]:
                return False
    return True


def draw_guide(image_bgr: NDArray[np.uint8], selector: ViewSelector, view: View | None) -> NDArray[np.uint8]:
    """The live picture with the regions done in green, the board's corners, the progress and the next thing to do."""
    canvas = image_bgr.copy()
    high, wide = canvas.shape[:2]
    shade = canvas.copy()
    for row in range(REGIONS[1]):
        for column in range(REGIONS[0]):
            corner = (wide * column // REGIONS[0], high * row // REGIONS[1])
            opposite = (wide * (column + 1) // REGIONS[0], high * (row + 1) // REGIONS[1])
            done = selector.hits[row, column] >= 4
            cv2.rectangle(shade, corner, opposite, (60, 160, 60) if done else (60, 60, 160), -1)
    canvas = cv2.addWeighted(shade, 0.2, canvas, 0.8, 0).astype(np.uint8)
    for x, y in view.corners_px if view is not None else ():
        cv2.circle(canvas, (round(float(x)), round(float(y))), 4, (0, 255, 255), -1)
    progress = selector.progress
    cv2.rectangle(canvas, (0, high - 12), (round(wide * progress.share), high), (80, 220, 80), -1)
    text = progress.missing[0] if progress.missing else "done"
    cv2.putText(canvas, text, (12, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.putText(canvas, text, (12, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 1, cv2.LINE_AA)
    return canvas


def draw_report(calibration: Calibration) -> NDArray[np.uint8]:
    """Coverage and residuals: each corner seen, coloured by its error, with the error drawn 50 times its length."""
    wide, high = calibration.camera.image_wh
    canvas = np.full((high + 60, wide, 3), 255, np.uint8)
    for view, residuals in zip(calibration.views, calibration.residuals_px, strict=True):
        for corner, residual in zip(view.corners_px, residuals, strict=True):
            bad = float(np.clip(np.hypot(*residual) / 0.5, 0, 1))
            colour = (0, round(160 * (1 - bad)), round(255 * bad))
            start, end = corner.round().astype(int), (corner + 50 * residual).round().astype(int)
            cv2.line(canvas, start.tolist(), end.tolist(), colour, 1, cv2.LINE_AA)
            cv2.circle(canvas, start.tolist(), 2, colour, -1, cv2.LINE_AA)
    for i in range(1, 3):
        cv2.line(canvas, (wide * i // 3, 0), (wide * i // 3, high), (200, 200, 200), 1)
        cv2.line(canvas, (0, high * i // 3), (wide, high * i // 3), (200, 200, 200), 1)
    cv2.line(canvas, (0, high), (wide, high), (0, 0, 0), 1)
    text = (f"RMS {calibration.rms_px:.3f} px, {len(calibration.views)} views, {len(calibration.rejected)} rejected, "
            f"hfov {calibration.camera.hfov_deg:.1f} deg; residuals x50, red from 0.5 px")
    cv2.putText(canvas, text, (8, high + 38), cv2.FONT_HERSHEY_SIMPLEX, wide / 1500, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
