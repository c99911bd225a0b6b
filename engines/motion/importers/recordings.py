"""What every importer of a dataset gives: people seen by calibrated cameras, and the mathematics of such cameras.

Axes: T frames, J joints (17). Camera axes: x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.motion.evaluation_set import EvaluationSet, Mask, Sequence2D3D, at_rate, pieces

Float = NDArray[np.float32]
Double = NDArray[np.float64]
FITTED = 4000  # correspondences are enough for a camera


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One person in front of one camera."""

    subject: str
    action: str
    camera: str
    keypoints_px: Float  # (T, J, 2) NaN where missing
    score: Float  # (T, J)
    joints_m: Float  # (T, J, 3) camera axes
    camera_matrix: Double  # (3, 3)
    rate_hz: float
    joints: Mask  # (J,) joints that the dataset has; the others are made up from them

    def rays(self) -> Float:
        """(T, J, 2) viewing rays x/z, y/z through an ideal pinhole."""
        inverse = np.linalg.inv(self.camera_matrix)
        homogeneous = np.concatenate((self.keypoints_px, np.ones_like(self.keypoints_px[..., :1])), -1)
        return np.asarray((homogeneous @ inverse.T)[..., :2], np.float32)


def evaluation_set(name: str, recordings: Sequence[Recording]) -> EvaluationSet:
    """Recordings at 30 Hz, in pieces no longer than the longest window. All must have the same joints."""
    if not recordings:
        raise UserError(f"{name} holds nothing to evaluate: check the subjects and the keypoints file")
    items = []
    for recording in recordings:
        rays, score, joints_m = (
            at_rate(values, recording.rate_hz) for values in (recording.rays(), recording.score, recording.joints_m)
        )
        pose_m = joints_m - joints_m[:, :1]
        items += [Sequence2D3D(rays[p], score[p], pose_m[p], recording.action) for p in pieces(len(rays))]
    return EvaluationSet.of(name, items, recordings[0].joints)


def fit_intrinsics(points_m: Double, xy_px: Double) -> Double:
    """Camera matrix from points (N, 3) in camera axes and where they were seen (N, 2): least squares, no skew."""
    matrix = np.eye(3)
    for axis in (0, 1):
        ratio = points_m[:, axis] / points_m[:, 2]
        design = np.stack((ratio, np.ones_like(ratio)), -1)
        (matrix[axis, axis], matrix[axis, 2]), *_ = np.linalg.lstsq(design, xy_px[:, axis], rcond=None)
    return matrix


def fit_camera(points_m: Double, xy_px: Double) -> tuple[Double, Double, Double]:
    """Camera matrix K, rotation R and shift t from world points (N, 3) and pixels (N, 2): x = K (R X + t).

    Direct linear transform, normalised (Hartley and Zisserman, Multiple View Geometry, section 7.1); the points must
    not lie in a plane. Raises UserError with fewer than six.
    """
    known = np.flatnonzero(np.isfinite(points_m).all(-1) & np.isfinite(xy_px).all(-1))
    if len(known) < 6:
        raise UserError("a camera needs six known points to be found: the keypoints and poses hardly overlap")
    known = known[np.linspace(0, len(known) - 1, min(FITTED, len(known))).astype(int)]
    world, image = _normaliser(points_m[known]), _normaliser(xy_px[known])
    x3 = _homogeneous(points_m[known]) @ world.T
    x2 = _homogeneous(xy_px[known]) @ image.T
    zero = np.zeros_like(x3)
    rows = np.concatenate(
        (np.concatenate((x3, zero, -x2[:, :1] * x3), -1), np.concatenate((zero, x3, -x2[:, 1:2] * x3), -1))
    )
    _, vectors = np.linalg.eigh(rows.T @ rows)
    projection = np.linalg.inv(image) @ vectors[:, 0].reshape(3, 4) @ world
    projection *= np.sign(np.linalg.det(projection[:, :3]))
    matrix, rotation = _rq(projection[:, :3])
    shift = np.linalg.solve(matrix, projection[:, 3])
    return matrix / matrix[2, 2], rotation, shift


def _rq(square: Double) -> tuple[Double, Double]:
    """Upper triangular with a positive diagonal, times a rotation."""
    q, r = np.linalg.qr(np.flipud(square).T)
    upper, turn = np.flipud(np.fliplr(r.T)), np.flipud(q.T)
    signs = np.diag(np.sign(np.diag(upper)))
    return upper @ signs, signs @ turn


def _normaliser(points: Double) -> Double:
    """The similarity that brings points (N, D) to mean 0 and mean square 1 an axis, homogeneous."""
    mean, spread = points.mean(0), points.std()
    size = points.shape[1]
    out = np.eye(size + 1) / spread
    out[:size, size], out[size, size] = -mean / spread, 1
    return out


def _homogeneous(points: Double) -> Double:
    return np.concatenate((points, np.ones_like(points[:, :1])), -1)
