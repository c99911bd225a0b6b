"""The model's input contract: viewing rays in, features that know no camera out, and the way back.

Each frame is turned so that the ray to the person's hip is the optical axis, and divided by the body's RMS extent about
it: where hip and extent are, when not all is seen, engines.models.view tells from the frames before.
Features of a joint: x, y in that view over the extent; score; seen (0 or 1); then, the same for all joints, the hip
ray's direction (x, y of the unit vector), log extent, the share of joints seen, and the keypoints' wobble
(engines.models.wobble); then what is known besides the frame (engines.models.known). Unseen joints have x = y = 0.

Axes: N any batch, V joints, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.models.known import KNOWN_FEATURES

FRAME_FEATURES = 9  # of the frames alone: all that a model of before reads
FEATURES = FRAME_FEATURES + KNOWN_FEATURES
SEEN, WOBBLE = 3, 8  # places of these among the features
MIN_SCORE = 0.1  # below, or NaN: the joint counts as unseen
MIN_EXTENT = 1e-3  # radians, about: a person 500 m away
MIN_DEPTH = 0.1  # of the turned unit ray: a joint over 84 degrees off the hip ray is unseen
LOG_EXTENT_SHIFT = 2.0

Float = NDArray[np.float32]
Point = tuple[float, float]
Rows = Sequence[Sequence[float]]


def seen_joints(rays: Rows, score: Sequence[float]) -> list[bool]:
    """Of one frame, in plain numbers: rays (17, 2), NaN where missing, and scores (17,)."""
    return [s >= MIN_SCORE and math.isfinite(x + y) for (x, y), s in zip(rays, score, strict=True)]


def turn_to(hip: Point) -> Rows:
    """(3, 3): the smallest rotation that takes the ray (x/z, y/z) to (0, 0, 1)."""
    x, y = hip
    length = math.sqrt(x * x + y * y + 1)
    x, y, z = x / length, y / length, 1 / length
    xx, xy, yy = x * x / (1 + z), x * y / (1 + z), y * y / (1 + z)
    return (1 - xx, -xy, -x), (-xy, 1 - yy, -y), (x, y, z)


def turned(rotation: Rows, ray: Sequence[float]) -> Point | None:
    """A ray in the turned view, as x/z, y/z; None where it is too far off the axis to be seen there."""
    (xx, xy, xz), (_, yy, yz), (x, y, z) = rotation
    u, v = ray
    depth = x * u + y * v + z
    if depth <= MIN_DEPTH * math.sqrt(u * u + v * v + 1):
        return None
    return (xx * u + xy * v + xz) / depth, (xy * u + yy * v + yz) / depth


def features_of(rotation: Rows, flat: Sequence[Point | None], score: Sequence[float], extent: float) -> Rows:
    """A frame's features (17, F) from its joints in the turned view, None where unseen; the wobble is yet to come."""
    axis = rotation[2]
    count = sum(at is not None for at in flat)
    same = (axis[0], axis[1], math.log(extent) + LOG_EXTENT_SHIFT, count / len(flat), 0.0)
    return [
        (0.0, 0.0, 0.0, 0.0, *same) if at is None else (at[0] / extent, at[1] / extent, s, 1.0, *same)
        for at, s in zip(flat, score, strict=True)
    ]


def to_camera(poses_NKV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) of the model's view back in camera axes: the inverse rotation."""
    middle = (1,) * (poses_NKV3.ndim - 3)
    return poses_NKV3 @ rotations_N33.reshape(len(rotations_N33), *middle, 3, 3)  # row vectors: v R = R^-1 v


def to_view(poses_NV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) in camera axes, seen along the hip ray: training targets."""
    middle = (1,) * (poses_NV3.ndim - 3)
    return poses_NV3 @ rotations_N33.transpose(0, 2, 1).reshape(len(rotations_N33), *middle, 3, 3)
