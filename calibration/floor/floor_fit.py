"""Gravity and the floor from a person who walks or stands: the plane that the standing ankles lie on."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground, rotation_from_up
from calibration.person.body_scale import ANKLE_HEIGHT, ANKLES, MIN_FOOT_SCORE
from engines.errors import UserError

_LOG = logging.getLogger("realtime.calibration")

Array64 = NDArray[np.float64]

RATE_HZ = 30.0
MIN_CONTACTS = 60
_STILL_M_S = 0.6  # across the ray; a swinging ankle goes at 2 to 4 m/s
_SMOOTH_FRAMES = 7
_ANKLE_SIGMA_M = 0.03  # of a standing ankle's height, heel lift included
_DEPTH_SIGMA = 0.04  # relative, of a placed ankle
_UPRIGHT_SIGMA = 0.08  # radians: how far a walking body's mean axis may lean, each way
_CONTACTS_A_STEP = 12.0  # frames of one step say the same
_ROUNDS = 12
# One sigma that is worth a warning: standing still gives 6.5 degrees and a fifth of the height, six seconds' walk 1.5
# degrees and 4 %.
_VAGUE_DEG = 3.0
_VAGUE_HEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Placed poses of one person at 30 Hz, NaN where unknown. Camera axes, metres at the person's real size."""

    root_m: Array64  # (T, 3)
    joints_m: Array64  # (T, 17, 3) relative to the hip
    score: Array64  # (T, 17)
    height_m: float  # of the person
    scale: str = "height"  # what the metres rest on


def ground_from_walk(walk: Walk, camera_identity: str = "") -> Ground:
    """Raises UserError where the person was hardly seen standing or walking."""
    joints = walk.root_m[:, None] + walk.joints_m
    up = _body_axis(walk)
    ankle_m = ANKLE_HEIGHT * walk.height_m
    contacts, sigma_up, height, sigma_h = np.zeros((0, 3)), np.zeros(2), 0.0, 0.0
    start = up
    for _ in range(3):  # the plane tells which foot is the lower one
        contacts = _contacts(joints, walk.score, up)
        if len(contacts) < MIN_CONTACTS:
            raise UserError(f"feet were seen on the floor in {len(contacts)} frames and {MIN_CONTACTS} are needed: "
                            "walk about for ten seconds or more, to and fro and across, with the feet in the picture")
        up, height, sigma_up, sigma_h = _fit_plane(contacts, start, ankle_m)
    if not 0.05 < height < 50:
        raise UserError("the feet lie above the camera: check that the picture is upright, and use 'realtime calibrate "
                        "ground --height' for a camera on the floor")
    tilt_sigma_deg = float(np.degrees(np.hypot(*sigma_up)))
    if tilt_sigma_deg > _VAGUE_DEG or sigma_h > _VAGUE_HEIGHT * height:
        _LOG.warning("the floor is known to %.1f degrees and %.2f m only: walk about for ten seconds or more, to and "
                     "fro and across", tilt_sigma_deg, sigma_h)
    return Ground(rotation_from_up(up), height, walk.scale, "person", tilt_sigma_deg, sigma_h, camera_identity)


def _body_axis(walk: Walk) -> Array64:
    """(3,) the mean direction from the ankles to the head: up, within a few degrees."""
    axis = walk.joints_m[:, 10] - walk.joints_m[:, list(ANKLES)].mean(1)
    axis = axis[np.isfinite(axis).all(1) & np.isfinite(walk.root_m).all(1)]
    if not len(axis):
        raise UserError("nobody was seen: stand where all of you is in the picture")
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-6)
    up = axis.mean(0)
    for _ in range(10):  # the geometric median: bending and sitting weigh little
        weight = 1 / np.maximum(np.linalg.norm(axis - up, axis=1), 1e-3)
        up = (weight[:, None] * axis).sum(0) / weight.sum()
    return np.asarray(up / np.linalg.norm(up), np.float64)


def _contacts(joints: Array64, score: Array64, up: Array64) -> Array64:
    """(n, 3) the lower ankle of each frame where it stands still."""
    ankles, rows = joints[:, list(ANKLES)], np.arange(len(joints))
    lower = np.nan_to_num(ankles @ up, nan=np.inf).argmin(1)
    speed = np.stack([_speed_across(ankles[:, side]) for side in range(2)], 1)
    still = (speed[rows, lower] < _STILL_M_S) & (score[:, list(ANKLES)][rows, lower] >= MIN_FOOT_SCORE)
    points = ankles[rows, lower][still]
    return np.asarray(points[np.isfinite(points).all(1)])


def _speed_across(points: Array64) -> Array64:
    """(T,) m/s across the ray, where positions are good, smoothed; infinite where unknown."""
    depth = points[:, 2:]
    seen = points[:, :2] / depth
    pad = _SMOOTH_FRAMES // 2
    kernel = np.ones(_SMOOTH_FRAMES) / _SMOOTH_FRAMES
    smooth = np.stack([np.convolve(np.pad(seen[:, i], pad, mode="edge"), kernel, "valid") for i in range(2)], 1)
    speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=1) * RATE_HZ * depth[:, 0]
    return np.asarray(np.nan_to_num(speed, nan=np.inf))


def _fit_plane(contacts: Array64, upright: Array64, ankle_m: float) -> tuple[Array64, float, Array64, float]:
    """The floor's up, the camera's height, and their errors: two angles in radians, metres.

    Gauss-Newton on up . p + height = ankle_m with Huber weights. Depth errors grow with the drop from the camera, and
    the body's mean axis holds the plane where the feet trod only a line.
    """
    e1 = np.cross(upright, [0, 0, 1.0] if abs(upright[2]) < 0.9 else [1.0, 0, 0])
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(upright, e1)
    state = np.array([0.0, 0.0, float(np.median(-(contacts @ upright))) + ankle_m])
    prior = np.diag([_UPRIGHT_SIGMA**-2, _UPRIGHT_SIGMA**-2, 0.0])
    normal_matrix = prior
    for _ in range(_ROUNDS):
        tilted = upright + state[0] * e1 + state[1] * e2
        length = float(np.linalg.norm(tilted))
        drop = contacts @ tilted / length
        error = drop + state[2] - ankle_m
        sigma = np.sqrt((_DEPTH_SIGMA * drop) ** 2 + _ANKLE_SIGMA_M**2)
        weight = np.minimum(1.0, 1.5 * sigma / np.maximum(np.abs(error), 1e-9)) / sigma**2 / _CONTACTS_A_STEP
        slope = np.stack([contacts @ e1 / length, contacts @ e2 / length, np.ones(len(contacts))], 1)
        normal_matrix = slope.T @ (weight[:, None] * slope) + prior
        state -= np.linalg.solve(normal_matrix, slope.T @ (weight * error) + prior @ state)
    covariance = np.linalg.inv(normal_matrix)
    up = upright + state[0] * e1 + state[1] * e2
    sigmas = np.sqrt(np.diag(covariance))
    return up / np.linalg.norm(up), float(state[2]), sigmas[:2], float(sigmas[2])
