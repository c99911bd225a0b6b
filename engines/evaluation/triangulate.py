"""One person seen by several placed cameras: where the joints are, without a lifter.

Axes: C cameras, T frames, J joints. World axes, metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
SURE = 0.5  # a score below: the camera does not see the joint well enough
FAR = 0.03  # of a ray from a joint, x/z or y/z: this camera sees something else


def triangulate(rays: Double, score: Double, rotations: Double, shifts_m: Double) -> Double:
    """(T, J, 3): rays (C, T, J, 2) and scores (C, T, J) of cameras with camera = rotation @ world + shift.

    Linear least squares weighted by score; while a camera is far off, the furthest is left out, down to two.
    NaN where fewer than two see a joint. Hartley and Zisserman, Multiple View Geometry, 12.2.
    """
    weight = np.where(np.isfinite(rays).all(-1) & (score >= SURE), score, 0.0)
    seen = np.nan_to_num(rays)
    while True:
        points = _solve(seen, weight, rotations, shifts_m)
        inside = np.einsum("cij,tvj->ctvi", rotations, points) + shifts_m[:, None, None]
        off = np.linalg.norm(inside[..., :2] / inside[..., 2:] - seen, axis=-1)
        off = np.where(weight > 0, off, 0.0)
        worst = off.argmax(0)
        wrong = (np.take_along_axis(off, worst[None], 0)[0] > FAR) & ((weight > 0).sum(0) > 2)
        if not wrong.any():
            return np.where(((weight > 0).sum(0) >= 2)[..., None], points, np.nan)
        frame, joint = np.nonzero(wrong)
        weight[worst[frame, joint], frame, joint] = 0


def _solve(rays: Double, weight: Double, rotations: Double, shifts_m: Double) -> Double:
    """Rows (r_z u - r_x) X = t_x - u t_z of every camera, weighted."""
    rows = rays[..., None] * rotations[:, None, None, 2:3] - rotations[:, None, None, :2]  # (C, T, J, 2, 3)
    right = shifts_m[:, None, None, :2] - rays * shifts_m[:, None, None, 2:3]
    square = np.einsum("ctj,ctjai,ctjak->tjik", weight, rows, rows) + 1e-9 * np.eye(3)
    return np.linalg.solve(square, np.einsum("ctj,ctjai,ctja->tji", weight, rows, right)[..., None])[..., 0]
