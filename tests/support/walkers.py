"""Made-up people who walk, stand, sit or lie on a floor at z = 0: 15 frames a second of whole bodies, feet and all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground
from calibration.floor.learn_floor import Seen
from calibration.person.body_scale import ANKLE_HEIGHT
from calibration.person.bones import ASSUMED_STATURE_M

Array64 = NDArray[np.float64]
HZ = 15.0
ANKLE_M = ANKLE_HEIGHT * ASSUMED_STATURE_M
STRIDE_S, STEP_M, _STANCE = 1.0, 0.6, 0.6
# A standing body, z up, facing +y, the hip at the origin: the thorax leads the ankles by 2.5 degrees as people's does.
_LEG, _BACK, _LEAD = 0.83, 0.48, 0.057
BODY = np.array([
    [0, 0.03, 0], [0.09, 0.03, 0], [0.09, 0.05, -0.40], [0.09, 0, -_LEG], [-0.09, 0.03, 0], [-0.09, 0.05, -0.40],
    [-0.09, 0, -_LEG], [0, 0.04, 0.24], [0, _LEAD, _BACK], [0, 0.1, 0.6], [0, 0.07, 0.72], [-0.15, _LEAD, 0.46],
    [-0.22, 0.03, 0.2], [-0.22, 0.1, -0.02], [0.15, _LEAD, 0.46], [0.22, 0.03, 0.2], [0.22, 0.1, -0.02],
])  # fmt: skip


def standing(x: float, y: float, z: float = 0.0, facing: float = 0.0) -> Array64:
    """(17, 3) in the world; `facing` in radians, 0 away from the camera."""
    return _turned(BODY, facing) + np.array([x, y, z + _LEG + ANKLE_M])


def walking(t_s: float, x: float, y: float, z: float = 0.0, radius_m: float = 1.2) -> Array64:
    """Round a circle about (x, y), each foot on the floor for six tenths of a stride."""
    speed = STEP_M * 2 / STRIDE_S / radius_m
    body = standing(x, y, z)
    at = _on_circle(t_s * speed, x, y, radius_m, 0.0)
    body = _turned(body - np.array([x, y, 0.0]), t_s * speed) + np.array([at[0], at[1], 0.0])
    for ankle, knee, side, late in ((3, 2, 0.09, 0.0), (6, 5, -0.09, 0.5)):
        strides, share = divmod(t_s / STRIDE_S + late, 1.0)
        swing = max(share - _STANCE, 0.0) / (1 - _STANCE)
        foot_s = (strides - late + _STANCE / 2 + swing) * STRIDE_S  # when the hip is over it
        foot = _on_circle(foot_s * speed, x, y, radius_m, side)
        body[ankle] = (foot[0], foot[1], z + ANKLE_M + 0.12 * np.sin(np.pi * swing))
        body[knee] = (body[ankle] + body[0]) / 2
    return body


def seen(number: int, world_m: Array64, ground: Ground, noise: Array64 | None = None) -> Seen:
    """As a camera on `ground` has them, the errors along the view being the larger ones."""
    camera = (world_m - (0, 0, ground.height_m)) @ ground.rotation
    if noise is not None:
        camera = camera + noise
    return Seen(number, camera.tolist(), [1.0] * 17, ANKLE_M)


def moments(seconds: float, start_s: float = 0.0) -> Iterator[float]:
    return (start_s + index / HZ for index in range(round(seconds * HZ)))


def _on_circle(angle: float, x: float, y: float, radius_m: float, out: float) -> tuple[float, float]:
    return x + (radius_m + out) * np.cos(angle), y + (radius_m + out) * np.sin(angle)


def _turned(points: Array64, angle: float) -> Array64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]))
