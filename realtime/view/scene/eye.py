"""The eye that looks on: it keeps everybody in the scene's part of the picture, however the user turns and zooms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from realtime.view.layout import Rect
from realtime.view.scene.figure import Floats

_FOV_STEPS = -5  # of 5 degrees from 60: a longer lens, less distortion
_ROOM = 1.08  # around the people
_WHEEL = 0.9  # of the picture's size by a notch of the wheel
_ZOOMS = (0.1, 10.0)


class Eye:
    """On Open3D's view control; the people's middle is the origin of what is drawn."""

    def __init__(self, control: Any, size_wh: tuple[int, int], angle_deg: tuple[float, float], extent_m: float) -> None:
        """`angle_deg`: azimuth and elevation to begin with; `extent_m`: Open3D's own measure of the scene."""
        self.size_wh, self.scene = size_wh, Rect(0, 0, *size_wh)
        self.radius_m = 1.1  # of the people
        self._control, self._angle_deg, self._extent_m = control, angle_deg, extent_m
        self._zoom = 1.0  # the user's
        self._pan_m: Floats = np.zeros(3)  # the user's
        self._aimed_m: Floats | None = None
        self._distance_m = 1.0
        control.change_field_of_view(_FOV_STEPS)
        self.reset()

    @property
    def camera(self) -> Any:
        """Open3D's pinhole camera as it is now."""
        return self._control.convert_to_pinhole_camera_parameters()

    def reset(self) -> None:
        """Back to the angle it began with, the people filling the picture."""
        self.look_from(*self._angle_deg)

    def look_from(self, azimuth_deg: float, elevation_deg: float, zoom: float = 1.0) -> None:
        """From there, the people filling the picture, or so many times larger than it."""
        self._face(azimuth_deg, elevation_deg)
        self._zoom, self._pan_m, self._aimed_m = zoom, np.zeros(3), None
        self.aim()

    @property
    def angle_deg(self) -> tuple[float, float]:
        """Azimuth and elevation, as the user has turned it."""
        x, y, z = -self.camera.extrinsic[2, :3]
        return math.degrees(math.atan2(x, z)), math.degrees(math.asin(min(max(y, -1.0), 1.0)))

    @property
    def zoom(self) -> float:
        """The user's: 1 where the people fill the picture."""
        return self._zoom

    def turn_to(self, azimuth_deg: float) -> None:
        """Counted from the angle it began with."""
        azimuth, elevation = self._angle_deg
        self._face(azimuth + azimuth_deg, elevation)

    def wheel(self, notches: float) -> None:
        self._zoom = min(max(self._zoom * _WHEEL**notches, _ZOOMS[0]), _ZOOMS[1])

    def follow_window(self) -> None:
        """The user may have made it larger or smaller."""
        seen = self.camera.intrinsic
        self.size_wh = seen.width, seen.height

    def aim(self) -> None:
        """At the people, so that they fill the scene's part of the picture."""
        if self._aimed_m is not None:
            self._pan_m += self._looked_at_m() - self._aimed_m
        # Open3D: half the picture's height at the target is zoom * extent of the scene.
        self._control.set_zoom(self._half_height_m() / self._extent_m)
        self._distance_m = self._half_height_m() / math.tan(math.radians(self._control.get_field_of_view()) / 2)
        self._aimed_m = self._pan_m - self._aside_m()
        self._control.set_lookat(self._aimed_m)

    def project(self, points_m: Floats) -> Floats:
        """Points (..., 3) in display axes from the people's middle as pixels (..., 2) of the picture."""
        camera = self.camera
        seen = points_m @ camera.extrinsic[:3, :3].T + camera.extrinsic[:3, 3]
        image = seen @ camera.intrinsic.intrinsic_matrix.T
        pixels: Floats = image[..., :2] / image[..., 2:] * (self.size_wh[0] / camera.intrinsic.width)
        return pixels

    def _face(self, azimuth_deg: float, elevation_deg: float) -> None:
        azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
        flat, steep = math.cos(elevation), math.sin(elevation)
        self._control.set_front((math.sin(azimuth) * flat, steep, math.cos(azimuth) * flat))
        # at right angles to the front: Open3D's own projection is askew otherwise
        self._control.set_up((-math.sin(azimuth) * steep, flat, -math.cos(azimuth) * steep))

    def _looked_at_m(self) -> Floats:
        """(3,): the point that the view turns about, which the user may have moved."""
        pose = self.camera.extrinsic
        looked: Floats = pose[:3, :3].T @ (np.array((0, 0, self._distance_m)) - pose[:3, 3])
        return looked

    def _half_height_m(self) -> float:
        """Of the whole picture, at the people."""
        return _ROOM * self._zoom * self.radius_m * self.size_wh[1] / min(self.scene.width, self.scene.height)

    def _aside_m(self) -> Floats:
        """(3,): from the middle of the picture to that of the scene's part of it."""
        width, height = self.size_wh
        x, y = self.scene.middle
        metres_per_px = 2 * self._half_height_m() / height
        right, down = self.camera.extrinsic[:2, :3]
        aside: Floats = metres_per_px * ((x - width / 2) * right + (y - height / 2) * down)
        return aside
