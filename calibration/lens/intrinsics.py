"""From views of a board to the lens: fit, weigh, drop what does not fit, and refuse what cannot be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.lens.board import Board, View
from calibration.lens.rays import Camera, check_model
from engines.errors import UserError

MIN_VIEWS = 8
MIN_TILT_SPREAD_DEG = 12.0
MAX_RMS_PX = 1.5  # of a 1280 px wide picture; more is another board or a wobbling one
MAX_FOCAL_SIGMA = 0.01
_WORSE_THAN = 2.5  # times the median error of all views: an outlier
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-10)
_FISHEYE = cv2.CALIB_RECOMPUTE_EXTRINSIC | cv2.CALIB_FIX_SKEW | cv2.CALIB_USE_INTRINSIC_GUESS
_FISHEYE_GUESSES = (0.25, 0.32, 0.42, 0.6)  # focal length over the picture's width


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A lens with the evidence for it. Errors are RMS reprojection errors in px."""

    camera: Camera
    board: Board
    rms_px: float
    focal_sigma: float  # relative 1-sigma error; NaN for a fisheye
    views: tuple[View, ...]
    view_rms_px: tuple[float, ...]
    residuals_px: tuple[NDArray[np.float64], ...]  # (n, 2) each: seen minus predicted
    rejected: tuple[str, ...]  # views that did not fit


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    camera: Camera
    focal_sigma: float
    normals: NDArray[np.float64]  # (views, 3) the board's normal
    residuals: tuple[NDArray[np.float64], ...]

    @property
    def view_rms(self) -> NDArray[np.float64]:
        return np.array([np.sqrt(np.square(r).sum(1).mean()) for r in self.residuals])

    @property
    def rms(self) -> float:
        return float(np.sqrt(np.square(np.concatenate(self.residuals)).sum(1).mean()))


def calibrate(views: Sequence[View], board: Board, model: str = "pinhole") -> Calibration:
    """The lens that saw these views. Raises UserError, saying what to do, where they cannot tell it."""
    check_model(model)
    image_wh = _one_size(views)
    if len(views) < MIN_VIEWS:
        raise UserError(f"the board was found in {len(views)} different pictures and at least {MIN_VIEWS} are needed: "
                        "take more, from near and far, tilted each way, in every corner of the picture")
    _check_rows(views, board)
    kept, rejected = list(views), []
    fit = _fit(kept, board, image_wh, model)
    while len(kept) > MIN_VIEWS:
        errors = fit.view_rms
        worst = int(errors.argmax())
        if errors[worst] <= max(_WORSE_THAN * float(np.median(errors)), 0.25):
            break
        rejected.append(kept.pop(worst).name)
        if len(rejected) > len(views) // 3:
            raise UserError(f"a third of the pictures do not fit any lens ({', '.join(rejected[:4])} ...): keep the "
                            f"board flat and still, and check that it is a {board}")
        fit = _fit(kept, board, image_wh, model)
    _check(fit, image_wh, board)
    return Calibration(fit.camera, board, fit.rms, fit.focal_sigma, tuple(kept), tuple(fit.view_rms.tolist()),
                       fit.residuals, tuple(rejected))


def _one_size(views: Sequence[View]) -> tuple[int, int]:
    sizes = Counter(view.image_wh for view in views)
    if len(sizes) > 1:
        (usual, _), *others = sizes.most_common()
        odd = next(view.name for view in views if view.image_wh == others[0][0])
        raise UserError(f"the pictures have different sizes ({usual[0]}x{usual[1]}, but {odd} is "
                        f"{others[0][0][0]}x{others[0][0][1]}): use pictures of one resolution")
    return views[0].image_wh if views else (0, 0)


def _check_rows(views: Sequence[View], board: Board) -> None:
    """A board with fewer rows than said has the same markers in the same places: its last rows are never there."""
    rows = np.array([np.isin(np.arange(board.rows - 1), view.ids // (board.columns - 1)) for view in views]).mean(0)
    seen = np.flatnonzero(rows > 0)
    if len(seen) < board.rows - 1 and rows[seen].min() > 0.7:
        raise UserError(f"no picture shows more than {len(seen) + 1} of the board's {board.rows} rows: "
                        f"if it is a {board.columns}x{len(seen) + 1} board say --rows {len(seen) + 1}, "
                        "else show all of it")


def _check(fit: _Fit, image_wh: tuple[int, int], board: Board) -> None:
    tilt = np.degrees(np.arccos(np.clip(np.abs(fit.normals @ fit.normals.T), -1, 1))).max()
    if tilt < MIN_TILT_SPREAD_DEG:
        raise UserError(f"all pictures show the board at nearly the same tilt ({tilt:.0f} degrees apart at most): "
                        "tilt it by 30 degrees to each side, upwards and downwards")
    limit = MAX_RMS_PX * max(1.0, max(image_wh) / 1280)
    if fit.rms > limit:
        raise UserError(f"the corners are {fit.rms:.1f} px off what any lens would show (at most {limit:.1f}): "
                        f"check that the board is a {board}, flat and held still")
    if fit.focal_sigma > MAX_FOCAL_SIGMA:
        raise UserError(f"the focal length is only known to {100 * fit.focal_sigma:.1f} % from these pictures: "
                        "add pictures with the board larger and tilted by 30 degrees or more")
    width, height = image_wh
    centre = fit.camera.camera_matrix[:2, 2] / (width, height)
    if np.abs(centre - 0.5).max() > 0.25 or not 0.2 < fit.camera.focal_px / max(image_wh) < 20:
        raise UserError("the pictures lead to an impossible lens: take them anew, the board everywhere in the picture")


def _fit(views: Sequence[View], board: Board, image_wh: tuple[int, int], model: str) -> _Fit:
    points = [board.corner_points(view.ids) for view in views]
    pixels = [view.corners_px for view in views]
    try:
        if model == "fisheye":
            return _fit_fisheye(points, pixels, image_wh)
        plain = _fit_pinhole(points, pixels, image_wh, cv2.CALIB_FIX_K3)
        full = _fit_pinhole(points, pixels, image_wh, 0)
    except cv2.error as error:
        raise UserError("no lens fits these pictures: take more, tilted each way, in every corner of the picture "
                        f"(OpenCV says: {error.err})") from error
    # The third radial term bends wildly where it is not needed: it has to earn its place.
    return full if full.rms < 0.97 * plain.rms else plain


def _fit_pinhole(points: list[NDArray[np.float32]], pixels: list[NDArray[np.float32]], image_wh: tuple[int, int],
                 flags: int) -> _Fit:
    _, matrix, dist, rotations, shifts, sigmas, _, _ = cv2.calibrateCameraExtended(
        points, pixels, image_wh, np.eye(3), np.zeros(5), flags=flags, criteria=_STOP)
    camera = Camera(image_wh, np.asarray(matrix, np.float64), np.asarray(dist, np.float64))
    return _evidence(camera, float(np.ravel(sigmas)[0] / camera.camera_matrix[0, 0]), points, pixels, rotations, shifts)


def _fit_fisheye(points: list[NDArray[np.float32]], pixels: list[NDArray[np.float32]],
                 image_wh: tuple[int, int]) -> _Fit:
    best: tuple[Any, ...] | None = None
    for share in _FISHEYE_GUESSES:  # OpenCV's own first guess fails on lenses wider than 180 degrees
        guess = np.diag([share * image_wh[0], share * image_wh[0], 1.0])
        guess[:2, 2] = np.array(image_wh) / 2
        try:
            fit = cv2.fisheye.calibrate([p[None].astype(np.float64) for p in points],
                                        [p[None].astype(np.float64) for p in pixels],
                                        image_wh, guess, np.zeros(4), flags=_FISHEYE, criteria=_STOP)
        except cv2.error:
            continue
        best = fit if best is None or fit[0] < best[0] else best
    if best is None:
        raise UserError("no fisheye lens fits these pictures: take more, tilted each way, or calibrate as a pinhole")
    _, matrix, dist, rotations, shifts = best
    camera = Camera(image_wh, np.asarray(matrix, np.float64), np.asarray(dist, np.float64), "fisheye")
    return _evidence(camera, float("nan"), points, pixels, rotations, shifts)


def _evidence(camera: Camera, focal_sigma: float, points: list[NDArray[np.float32]],
              pixels: list[NDArray[np.float32]], rotations: Sequence[Any], shifts: Sequence[Any]) -> _Fit:
    turns = [cv2.Rodrigues(np.asarray(rotation))[0] for rotation in rotations]
    residuals = tuple(seen - camera.project(p @ turn.T + np.ravel(shift))
                      for p, seen, turn, shift in zip(points, pixels, turns, shifts, strict=True))
    return _Fit(camera, focal_sigma, np.array([turn[:, 2] for turn in turns]), residuals)


def with_identity(calibration: Calibration, identity: str) -> Calibration:
    """The same, once the file it was written to has given it a name."""
    return replace(calibration, camera=replace(calibration.camera, identity=identity))
