"""Where several cameras stand, from a board that pairs of them see at the same moments.

Cameras are placed one after the other by the moments they share, then all of them and all places of the board are
adjusted together, so that the corners lie on their rays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.cameras.cameras_file import Cameras
from calibration.floor.ground import from_board
from calibration.lens.board import Board, View
from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera
from engines.errors import UserError

Double = NDArray[np.float64]
LEAST_SHARED = 3  # moments of two cameras
_MOST_MOMENTS = 40
_RAY_SIGMA = 5e-4  # of a corner, x/z: half a pixel


@dataclass(frozen=True, slots=True, eq=False)
class BoardFound:
    cameras: Cameras
    rms_px: float
    moments: int  # in which two cameras or more saw the board


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """The board in one camera at one moment: camera = rotation @ board + shift."""

    camera: int
    moment: int
    points_m: Double  # (n, 3) on the board
    rays: Double  # (n, 2)
    rotation: Double
    shift_m: Double


def cameras_from_board(
    lenses: Sequence[tuple[str, Camera]], seen: Sequence[Mapping[str, View]], board: Board, on_floor: bool = False
) -> BoardFound:  # fmt: skip
    """`seen`: of each camera the board by moment, whose names sort in time. `on_floor`: at the first of them it lies on
    the floor. Raises UserError where cameras share too few moments. Needs scipy."""
    names = [name for name, _ in lenses]
    moments = sorted({moment for views in seen for moment in views})
    shared = [moment for moment in moments if sum(moment in views for views in seen) >= 2]
    kept = [shared[index] for index in np.unique(np.linspace(0, max(len(shared) - 1, 0), _MOST_MOMENTS).astype(int))
            if shared]  # fmt: skip
    if on_floor and moments[0] not in kept:
        kept = [moments[0], *kept]
    sights = [sight for number, moment in enumerate(kept) for camera, views in enumerate(seen) if moment in views
              if (sight := _sight(camera, number, views[moment], lenses[camera][1], board)) is not None]  # fmt: skip
    cameras = _chained(sights, names)
    boards = _boards(sights, cameras)
    cameras, boards = _adjusted(sights, cameras, boards)
    off = np.concatenate([_off(sight, cameras, boards) for sight in sights])
    focal_px = float(np.mean([lens.focal_px for _, lens in lenses]))
    turn, lift, kind = np.eye(3), np.zeros(3), "none"
    if on_floor:
        first = next(sight for sight in sights if sight.moment == 0)
        rotation, shift_m = boards[0]
        ground = from_board(first.points_m @ rotation.T + shift_m)
        turn, lift, kind = ground.rotation, np.array([0, 0, ground.height_m]), "measured"
    placed = [
        PlacedCamera(name, lens, rotation @ turn.T, shift_m - rotation @ turn.T @ lift)
        for (name, lens), (rotation, shift_m) in zip(lenses, cameras, strict=True)
    ]
    return BoardFound(Cameras(tuple(placed), "measured", kind), focal_px * float(np.sqrt((off**2).sum(1).mean())),
                      len(shared))  # fmt: skip


Place = tuple[Double, Double]  # rotation (3, 3), shift (3,)


def _sight(camera: int, moment: int, view: View, lens: Camera, board: Board) -> _Sight | None:
    points = board.corner_points(view.ids).astype(np.float64)
    rays = lens.rays(view.corners_px).astype(np.float64)
    good = np.isfinite(rays).all(1)
    if good.sum() < 6:
        return None
    known, turn, shift = cv2.solvePnP(points[good], rays[good], np.eye(3), None, flags=cv2.SOLVEPNP_IPPE)
    if not known:
        return None
    rotation = np.asarray(cv2.Rodrigues(turn)[0], np.float64)
    return _Sight(camera, moment, points[good], rays[good], rotation, np.ravel(shift).astype(np.float64))


def _chained(sights: Sequence[_Sight], names: Sequence[str]) -> list[Place]:
    """Each camera against the one placed before that shares most moments with it."""
    by = {(sight.camera, sight.moment): sight for sight in sights}
    moments = [{sight.moment for sight in sights if sight.camera == camera} for camera in range(len(names))]
    placed: dict[int, Place] = {0: (np.eye(3), np.zeros(3))}
    while len(placed) < len(names):
        shared, one, new = max(
            (len(moments[one] & moments[new]), -one, new) for one in placed for new in range(len(names))
            if new not in placed
        )  # fmt: skip
        one = -one
        if shared < LEAST_SHARED:
            raise UserError(f"'{names[new]}' saw the board at {shared} moments at which another camera did, and "
                            f"{LEAST_SHARED} are needed: show it to both at once")  # fmt: skip
        turns, shifts = [], []
        for moment in moments[one] & moments[new]:
            here, there = by[one, moment], by[new, moment]
            turn = there.rotation @ here.rotation.T
            turns.append(turn)
            shifts.append(there.shift_m - turn @ here.shift_m)
        u, _, v = np.linalg.svd(np.median(turns, 0))
        turn = np.asarray(u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v)
        placed[new] = turn @ placed[one][0], turn @ placed[one][1] + np.median(shifts, 0)
    return [placed[camera] for camera in range(len(names))]


def _boards(sights: Sequence[_Sight], cameras: Sequence[Place]) -> dict[int, Place]:
    """The board's places in the first camera's axes, each by the camera that has most of it."""
    best: dict[int, _Sight] = {}
    for sight in sights:
        if sight.moment not in best or len(sight.rays) > len(best[sight.moment].rays):
            best[sight.moment] = sight
    return {moment: (cameras[sight.camera][0].T @ sight.rotation,
                     cameras[sight.camera][0].T @ (sight.shift_m - cameras[sight.camera][1]))
            for moment, sight in best.items()}  # fmt: skip


def _adjusted(
    sights: Sequence[_Sight], cameras: list[Place], boards: dict[int, Place]
) -> tuple[list[Place], dict[int, Place]]:
    """Bundle adjustment with a robust loss."""
    try:
        from scipy.optimize import least_squares
        from scipy.sparse import lil_matrix
    except ImportError as error:
        raise UserError("placing cameras needs another library: run pip install 'realtime-pose[cameras]'") from error
    numbers, count = list(boards), len(cameras) - 1
    column = {number: 6 * (count + row) for row, number in enumerate(numbers)}
    sparsity = lil_matrix((2 * sum(len(sight.rays) for sight in sights), 6 * (count + len(numbers))), dtype=np.int8)
    row = 0
    for sight in sights:
        rows = slice(row, row + 2 * len(sight.rays))
        sparsity[rows, column[sight.moment] : column[sight.moment] + 6] = 1
        if sight.camera:
            sparsity[rows, 6 * (sight.camera - 1) : 6 * sight.camera] = 1
        row = rows.stop

    def places(unknown: Double) -> tuple[list[Place], dict[int, Place]]:
        steps = unknown.reshape(-1, 6)
        moved = [cameras[0], *(_moved(place, step) for place, step in zip(cameras[1:], steps[:count], strict=True))]
        standing = zip(numbers, steps[count:], strict=True)
        return moved, {number: _moved(boards[number], step) for number, step in standing}

    def residual(unknown: Double) -> Double:
        moved, standing = places(unknown)
        return np.concatenate([_off(sight, moved, standing).ravel() for sight in sights]) / _RAY_SIGMA

    zero = np.zeros(6 * (count + len(numbers)))
    found = least_squares(residual, zero, jac_sparsity=sparsity, method="trf", loss="soft_l1", max_nfev=60)
    return places(np.asarray(found.x))


def _moved(place: Place, step: Double) -> Place:
    return np.asarray(cv2.Rodrigues(step[:3])[0]) @ place[0], place[1] + step[3:]


def _off(sight: _Sight, cameras: Sequence[Place], boards: Mapping[int, Place]) -> Double:
    """(n, 2): by how much corners miss their rays."""
    (turn, shift), (rotation, at) = cameras[sight.camera], boards[sight.moment]
    inside = (sight.points_m @ rotation.T + at) @ turn.T + shift
    return np.asarray(inside[:, :2] / np.maximum(inside[:, 2:], 1e-3) - sight.rays)
