"""The camera that looked on, and the world's axes on the floor below it: lines in display axes."""

from __future__ import annotations

import math

import numpy as np

from realtime.contracts import CameraPlace
from realtime.view.scene.figure import Floats
from realtime.view.scene.floor import Indices
from realtime.view.scene.follow import upright

_CAMERA_RGB = (0.56, 0.59, 0.64)
_AXES_RGB = ((0.85, 0.25, 0.25), (0.25, 0.65, 0.30), (0.25, 0.40, 0.85))
_DEPTH_M, _AXIS_M = 0.35, 0.4
_HFOV_DEG, _WIDEST_DEG = 60.0, 120.0  # where it is not known; as wide as is drawn


def mark(space: str, image_wh: tuple[int, int], camera: CameraPlace | None) -> tuple[Floats, Indices, Floats]:
    """Points (n, 3), lines and their colours: the camera where it stands, in the world its axes too."""
    hfov_deg = camera.hfov_deg if camera is not None and math.isfinite(camera.hfov_deg) else _HFOV_DEG
    points, lines = frustum(image_wh, hfov_deg)
    if space != "world":
        return upright(points, "camera"), lines, np.tile(_CAMERA_RGB, (len(lines), 1))
    axes_m = _AXIS_M * np.array(((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)), float)
    axes = np.array(((0, 1), (0, 2), (0, 3)), np.int32)
    if camera is None or camera.rotation is None:  # an older publisher: nobody knows where it stands
        return upright(axes_m, "world"), axes, np.array(_AXES_RGB)
    seen_m = points @ np.asarray(camera.rotation, float).T + (0, 0, camera.height_m)
    colours = np.concatenate((np.array(_AXES_RGB), np.tile(_CAMERA_RGB, (len(lines), 1))))
    everything = np.concatenate((axes_m, seen_m)), np.concatenate((axes, lines + len(axes_m)))
    return upright(everything[0], "world"), everything[1].astype(np.int32), colours


def frustum(image_wh: tuple[int, int], hfov_deg: float = _HFOV_DEG) -> tuple[Floats, Indices]:
    """The outline (6, 3) of a camera at the origin in its own axes (y down, z forward), and its lines; the roof is up.
    """
    half = _DEPTH_M * math.tan(math.radians(min(hfov_deg, _WIDEST_DEG)) / 2)
    tall = half * image_wh[1] / image_wh[0]
    corners = [(-half, -tall), (half, -tall), (half, tall), (-half, tall)]
    points = [(0, 0, 0), *((x, y, _DEPTH_M) for x, y in corners), (0, -tall * 1.5, _DEPTH_M)]
    lines = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (1, 5), (5, 2)]
    return np.array(points, float), np.array(lines, np.int32)
