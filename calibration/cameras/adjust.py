"""Bundle adjustment: where cameras stand, and by how much their clocks differ, so that all rays of a joint meet.

Joints are solved for inside of every step, as a weighted triangulation (Golub and Pereyra's variable projection), so
that the cameras alone are unknown to scipy's least squares. Rays that contradict the others fade between rounds (Cauchy
weights). The first camera stays where it is; the size of it all stays that of the start.

Axes: C cameras, T moments, J joints. The world is the first camera's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.cameras.watched import Watched
from engines.errors import UserError

Double = NDArray[np.float64]
MOMENTS = 90  # as many tell all that a walk tells
RAY_SIGMA = 0.004  # of a sure keypoint, x/z: about 1 % of somebody who fills two fifths of the picture
_LEAST_SCORE = 0.3
_FADES = (25.0, 8.0, 4.0, 3.0, 3.0)  # sigmas from which on a ray fades, a round each
_PER_CAMERA = 7  # turn, shift, offset
_OFFSET_SIGMA_S = 0.2  # what is believed of the start: holds offsets of somebody who stands still


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Of C cameras: camera = rotations @ world + shifts_m."""

    rotations: Double  # (C, 3, 3)
    shifts_m: Double  # (C, 3)
    offsets_s: Double  # (C,), what is added to a camera's time


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    poses: Poses
    miss: float  # RMS of rays, x/z, of those that agree
    agreeing: float  # the share of rays within 3 sigmas


def adjust(watched: Sequence[Watched], start: Poses, times_s: Double, fit_offsets: bool = True) -> Adjusted:
    """From `start`, at moments `times_s` on the first camera's clock. Raises UserError where scipy is missing."""
    try:
        from scipy.optimize import least_squares
    except ImportError as error:
        raise UserError("placing cameras needs another library: run pip install 'realtime-pose[cameras]'") from error

    poses, size_m, hold = start, float(np.linalg.norm(start.shifts_m)), 1.0 if fit_offsets else 1e6
    for fade in _FADES:
        problem = _Problem.of(watched, poses, times_s)
        points = problem.points(poses, problem.weight)
        problem.weight = problem.faded(poses, points, fade)
        problem.depth_m = problem.depths(poses, points)

        def residual(unknown: Double, problem: _Problem = problem, before: Poses = poses) -> Double:
            moved = _moved(before, unknown)
            off_s = moved.offsets_s - before.offsets_s
            missed = problem.missed(moved, problem.points(moved, problem.weight), off_s)
            sized = 10 * (np.linalg.norm(moved.shifts_m) / size_m - 1)
            return np.concatenate([missed, [sized], hold * (moved.offsets_s - start.offsets_s)[1:] / _OFFSET_SIGMA_S])

        zero = np.zeros(_PER_CAMERA * (len(watched) - 1))
        poses = _moved(poses, np.asarray(least_squares(residual, zero, method="trf", max_nfev=30, xtol=1e-8).x))
    problem = _Problem.of(watched, poses, times_s)
    points = problem.points(poses, problem.faded(poses, problem.points(poses, problem.weight), 3.0))
    sigmas = problem.sigmas(poses, points)
    agreeing = sigmas[np.isfinite(sigmas)] < 3
    within = sigmas[np.isfinite(sigmas)][agreeing]
    return Adjusted(poses, float(RAY_SIGMA * np.sqrt(np.mean(within**2))) if len(within) else np.nan,
                    float(agreeing.mean()) if len(agreeing) else 0.0)  # fmt: skip


def joints_between(watched: Sequence[Watched], poses: Poses, times_s: Double) -> Double:
    """(T, J, 3): triangulated at these times on the first camera's clock; NaN where fewer than two see a joint."""
    problem = _Problem.of(watched, poses, times_s)
    points = problem.points(poses, problem.weight)
    for fade in (8.0, 4.0, 3.0):
        problem.depth_m = problem.depths(poses, points)
        points = problem.points(poses, problem.faded(poses, points, fade))
    return np.where((problem.seen.sum(0) >= 2)[..., None], points, np.nan)


def _moved(poses: Poses, unknown: Double) -> Poses:
    """By (turn, shift, offset) of every camera but the first."""
    rotations, shifts_m, offsets_s = poses.rotations.copy(), poses.shifts_m.copy(), poses.offsets_s.copy()
    for camera, (x, y, z, *shift, offset) in enumerate(unknown.reshape(-1, _PER_CAMERA), 1):
        rotations[camera] = np.asarray(cv2.Rodrigues(np.array([x, y, z]))[0]) @ rotations[camera]
        shifts_m[camera] += shift
        offsets_s[camera] += offset
    return Poses(rotations, shifts_m, offsets_s)


@dataclass(slots=True, eq=False)
class _Problem:
    rays: Double  # (C, T, J, 2), 0 where missing
    speed: Double  # (C, T, J, 2), 1/s
    seen: NDArray[np.bool_]  # (C, T, J)
    sigma: Double  # (C, T, J), of rays
    weight: Double  # (C, T, J)
    depth_m: Double  # (C, T, J), of the round before

    @classmethod
    def of(cls, watched: Sequence[Watched], poses: Poses, times_s: Double) -> _Problem:
        at = [one.at(times_s - offset) for one, offset in zip(watched, poses.offsets_s, strict=True)]
        speed = [one.speed(times_s - offset) for one, offset in zip(watched, poses.offsets_s, strict=True)]
        rays, score = np.stack([one.rays for one in at]), np.stack([one.score for one in at])
        seen = np.isfinite(rays).all(-1) & (score >= _LEAST_SCORE)
        sigma = RAY_SIGMA / np.maximum(score, _LEAST_SCORE)
        lifted = np.stack([one.joints_m[..., 2] for one in at])
        depth_m = np.where(np.isfinite(lifted) & (lifted > 0.1), lifted, 3.0)
        weight = np.where(seen, 1 / sigma**2, 0.0)
        weight[:, seen.sum(0) < 2] = 0  # nothing to agree with
        return cls(np.where(seen[..., None], rays, 0), np.nan_to_num(np.stack(speed)), seen, sigma, weight, depth_m)

    def points(self, poses: Poses, weight: Double) -> Double:
        """(T, J, 3): where the rays meet. Rows (r_z u - r_x) X = t_x - u t_z of every camera, over its depth."""
        turn = poses.rotations[:, None, None]
        rows = self.rays[..., None] * turn[..., 2:3, :] - turn[..., :2, :]  # (C, T, J, 2, 3)
        right = poses.shifts_m[:, None, None, :2] - self.rays * poses.shifts_m[:, None, None, 2:]
        metres = weight / self.depth_m**2
        square = np.einsum("ctj,ctjai,ctjak->tjik", metres, rows, rows) + 1e-6 * np.eye(3)
        return np.linalg.solve(square, np.einsum("ctj,ctjai,ctja->tji", metres, rows, right)[..., None])[..., 0]

    def depths(self, poses: Poses, points: Double) -> Double:
        inside_z = np.einsum("ci,tji->ctj", poses.rotations[:, 2], points) + poses.shifts_m[:, 2, None, None]
        return np.asarray(np.clip(inside_z, 0.3, 50.0))

    def missed(self, poses: Poses, points: Double, off_s: Double) -> Double:
        """Flat: by how many sigmas each ray misses its joint, faded ones less."""
        off = self._off(poses, points) - self.speed * -off_s[:, None, None, None]
        return np.asarray((off * np.sqrt(self.weight)[..., None]).ravel())

    def sigmas(self, poses: Poses, points: Double) -> Double:
        """(C, T, J): NaN where nothing was seen, or by nobody else."""
        off = np.linalg.norm(self._off(poses, points), axis=-1) / self.sigma
        return np.asarray(np.where(self.weight > 0, off, np.nan))

    def faded(self, poses: Poses, points: Double, fade: float) -> Double:
        sigmas = np.nan_to_num(self.sigmas(poses, points), nan=0.0)
        return np.asarray(self.weight / (1 + (sigmas / fade) ** 2))

    def _off(self, poses: Poses, points: Double) -> Double:
        inside = np.einsum("cki,tji->ctjk", poses.rotations, points) + poses.shifts_m[:, None, None]
        depth = np.where(np.abs(inside[..., 2:]) > 1e-3, inside[..., 2:], 1e-3)
        return np.asarray(np.clip(inside[..., :2] / depth, -5, 5) - self.rays)
