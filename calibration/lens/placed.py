"""A lens that stands somewhere in a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.lens.rays import Camera

Array64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCamera:
    """A lens in a room: camera = rotation @ world + shift_m."""

    name: str
    camera: Camera
    rotation: Array64  # (3, 3)
    shift_m: Array64  # (3,)

    def to_camera(self, points_m: Array64) -> Array64:
        """World points (..., 3) in this camera's axes."""
        return np.asarray(points_m @ self.rotation.T + self.shift_m)

    def to_world(self, points_m: Array64) -> Array64:
        """Points (..., 3) in this camera's axes, in the world's."""
        return np.asarray((points_m - self.shift_m) @ self.rotation)
