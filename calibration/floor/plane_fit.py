"""The floor that standing feet and upright bodies tell of together: up, height and their errors, by least squares.

Feet tell where a plane lies; people who stand on a box, or who are larger than believed, stand on levels of their own.
Bodies tell which way is up while the feet trod too little ground for a plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Array64 = NDArray[np.float64]

_FOOT_SIGMA_M = 0.025  # of a standing ankle's height: heel lift, keypoints
_DEPTH_SIGMA = 0.015  # relative, of a placed ankle, besides what all of a person's have in common
_BRIEF = 4.0  # frames: a contact so short is known half as well
_SAME_LEVEL, _SAME_LEVEL_M = 0.03, 0.03  # how far two people's floors differ: by their sizes, relative, and at all
_GAP_M = 0.22  # between two heights that one person's feet stood on
_LEAST_SHARE = 1 / 3  # of the weight of the level most stood on: enough to be the floor below it
_HUBER = 1.5
_ROUNDS = 6
_STOPPED = 1e-5  # radians or metres


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """Where ankles stood, in camera axes."""

    points_m: Array64  # (n, 3)
    person: NDArray[np.int64]  # (n,)
    frames: Array64  # (n,) how long, in 1/30 s
    ankle_m: Array64  # (n,) height of that person's ankle above the sole


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """A body's axis, with 1-sigma errors across the view and along it."""

    up: Array64  # (3,)
    aside: Array64  # (3,) across the view
    away: Array64  # (3,) from the camera
    sigma_aside: float  # radians
    sigma_away: float


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """`height_m`: of the camera above the floor. `tilt_sigma` in radians, of the two angles together."""

    up: Array64  # (3,)
    height_m: float
    tilt_sigma: float
    height_sigma_m: float


def fit_plane(feet: Feet, bodies: Sequence[Upright], start: Array64 | None = None) -> Plane:
    """Gauss-Newton with Huber weights, from `start` (3,), the up of before. At least one body and one foot."""
    up = _unit(np.sum([body.up for body in bodies], 0)) if start is None else start
    levels = _levels(feet, up)
    heights = np.array([np.median(_floor_below(feet, up)[levels == level]) for level in range(levels.max() + 1)])
    for _ in range(_ROUNDS):
        axes = _square_to(up)
        normal, slope = _equations(feet, bodies, levels, heights, up, axes)
        step = -np.linalg.solve(normal, slope)
        up, heights = _unit(up + step[:2] @ axes), heights + step[2:]
        if np.abs(step).max() < _STOPPED:
            break
    covariance = np.linalg.inv(normal)
    height, sigma = _lowest(feet, levels, heights, np.diag(covariance)[2:])
    return Plane(up, height, float(np.sqrt(covariance[0, 0] + covariance[1, 1])), sigma)


def _equations(
    feet: Feet, bodies: Sequence[Upright], levels: NDArray[np.int64], heights: Array64, up: Array64, axes: Array64
) -> tuple[Array64, Array64]:
    """The normal matrix and the slope of the squared error, for two angles and the camera's height over each level."""
    count = len(heights)
    drop = feet.points_m @ up
    error = drop + heights[levels] - feet.ankle_m
    sigma = np.sqrt(((_DEPTH_SIGMA * drop) ** 2 + _FOOT_SIGMA_M**2) * (1 + _BRIEF / feet.frames))
    weight = np.minimum(1.0, _HUBER * sigma / np.maximum(np.abs(error), 1e-9)) / sigma**2
    rows = np.zeros((len(drop), 2 + count))
    rows[:, :2] = feet.points_m @ axes.T
    rows[np.arange(len(drop)), 2 + levels] = 1.0
    normal = rows.T @ (weight[:, None] * rows) + 1e-9 * np.eye(2 + count)
    slope = rows.T @ (weight * error)
    for body in bodies:
        for axis, spread in ((body.aside, body.sigma_aside), (body.away, body.sigma_away)):
            lean = axes @ axis
            normal[:2, :2] += np.outer(lean, lean) / spread**2
            slope[:2] += lean * float((up - body.up) @ axis) / spread**2
    for one in range(count):
        for other in range(one):
            _tie(normal, slope, heights, one, other)
    return normal, slope


def _tie(normal: Array64, slope: Array64, heights: Array64, one: int, other: int) -> None:
    """Two levels are taken for the same floor as far as they are near: a box is not pulled down."""
    apart = heights[one] - heights[other]
    spread = _SAME_LEVEL * max(abs(heights[one]), abs(heights[other])) + _SAME_LEVEL_M
    weight = 1 / spread**2 / (1 + (apart / (2 * spread)) ** 2) ** 2 / (len(heights) - 1)
    row = np.zeros(len(slope))
    row[2 + one], row[2 + other] = 1.0, -1.0
    normal += weight * np.outer(row, row)
    slope += weight * apart * row


def _levels(feet: Feet, up: Array64) -> NDArray[np.int64]:
    """(n,) numbers from 0: a person's feet stand on one level, or on two with a gap between (a step, a chair)."""
    below = _floor_below(feet, up)
    levels = np.zeros(len(below), np.int64)
    count = 0
    for person in np.unique(feet.person):
        own = np.flatnonzero(feet.person == person)
        ordered = own[np.argsort(below[own])]
        gaps = np.diff(below[ordered])
        levels[own] = count
        count += 1
        if len(own) >= 4:
            cut = int(gaps[1:-1].argmax()) + 2
            if gaps[cut - 1] > _GAP_M:
                levels[ordered[cut:]] = count
                count += 1
    return levels


def _lowest(feet: Feet, levels: NDArray[np.int64], heights: Array64, variances: Array64) -> tuple[float, float]:
    """The lowest level that enough stood on, and its error: others stand on something."""
    weights = np.bincount(levels, np.minimum(feet.frames, 12.0), len(heights))
    near = 2 * (_SAME_LEVEL * np.abs(heights).max() + _SAME_LEVEL_M)
    best = max(float(weights[np.abs(heights - height) < near].sum()) for height in heights)
    for lowest in np.argsort(-heights):
        same = np.abs(heights - heights[lowest]) < near
        if weights[same].sum() >= _LEAST_SHARE * best:
            break
    share = weights[same] / weights[same].sum()
    return float(share @ heights[same]), float(np.sqrt(share @ variances[same]))


def _floor_below(feet: Feet, up: Array64) -> Array64:
    """(n,) how far below the camera the floor under each foot is."""
    return np.asarray(feet.ankle_m - feet.points_m @ up)


def _square_to(up: Array64) -> Array64:
    """(2, 3): unit vectors square to it and to each other. Plain numbers: np.cross takes ten times as long."""
    x, y, z = up.tolist()
    one = (y, -x, 0.0) if abs(z) < 0.9 else (0.0, z, -y)
    size = sqrt(one[0] * one[0] + one[1] * one[1] + one[2] * one[2])
    a, b, c = one[0] / size, one[1] / size, one[2] / size
    return np.array([(a, b, c), (y * c - z * b, z * a - x * c, x * b - y * a)])


def _unit(vector: Array64) -> Array64:
    return np.asarray(vector / np.linalg.norm(vector))
