"""A pose's axes as other programs have theirs: right-handed, y up or z up, metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
# rows: the new axes in those of `space`; all are turns, none is a mirror
Y_UP: dict[str, Double] = {
    "camera": np.array(((1, 0, 0), (0, -1, 0), (0, 0, -1)), np.float64),  # x right, y up, z towards the camera
    "world": np.array(((1, 0, 0), (0, 0, 1), (0, -1, 0)), np.float64),
}
Z_UP: dict[str, Double] = {
    "camera": np.array(((1, 0, 0), (0, 0, 1), (0, -1, 0)), np.float64),  # x right, y away from the camera, z up
    "world": np.eye(3),
}


def to_y_up(points_m: NDArray[np.floating], space: str) -> Double:
    """Positions (..., 3) in `space` camera or world -> x right, y up, z towards the camera (of world: x, z, -y)."""
    return np.asarray(points_m, np.float64) @ Y_UP[space].T


def to_z_up(points_m: NDArray[np.floating], space: str) -> Double:
    """Positions (..., 3) in `space` camera or world -> x right, y away from the camera, z up (world: as they are)."""
    return np.asarray(points_m, np.float64) @ Z_UP[space].T
