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
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.models.known import KNOWN_FEATURES

FRAME_FEATURES: Final = 9  # of the frames alone: all that a model of before reads
FEATURES = FRAME_FEATURES + KNOWN_FEATURES
SEEN: Final = 3  # places of these among the features
WOBBLE: Final = 8
MIN_SCORE: Final = 0.1  # below, or NaN: the joint counts as unseen
MIN_EXTENT: Final = 1e-3  # radians, about: a person 500 m away
MIN_DEPTH: Final = 0.1  # of the turned unit ray: a joint over 84 degrees off the hip ray is unseen
LOG_EXTENT_SHIFT: Final = 2.0

Float = NDArray[np.float32]
Point = tuple[float, float]
Vector = tuple[float, float, float]
Rotation = tuple[Vector, Vector, Vector]  # rows
Row = tuple[float, float, float, float, float, float, float, float, float]  # the features of a joint


def seen_joints(rays: list[Point], score: list[float]) -> list[bool]:
    """Of one frame, in plain numbers: rays (17, 2), NaN where missing, and scores (17,)."""
    return [s >= MIN_SCORE and math.isfinite(ray[0] + ray[1]) for ray, s in zip(rays, score)]


def turn_to(hip: Point) -> Rotation:
    """(3, 3): the smallest rotation that takes the ray (x/z, y/z) to (0, 0, 1)."""
    x, y = hip
    length = math.sqrt(x * x + y * y + 1)
    x, y, z = x / length, y / length, 1 / length
    xx, xy, yy = x * x / (1 + z), x * y / (1 + z), y * y / (1 + z)
    return (1 - xx, -xy, -x), (-xy, 1 - yy, -y), (x, y, z)


def turned(rotation: Rotation, ray: Point) -> Point | None:
    """A ray in the turned view, as x/z, y/z; None where it is too far off the axis to be seen there."""
    (xx, xy, xz), (_, yy, yz), (x, y, z) = rotation
    u, v = ray[0], ray[1]
    depth = x * u + y * v + z
    if depth <= MIN_DEPTH * math.sqrt(u * u + v * v + 1):
        return None
    return (xx * u + xy * v + xz) / depth, (xy * u + yy * v + yz) / depth


def features_of(rotation: Rotation, flat: list[Point | None], score: list[float], extent: float) -> list[Row]:
    """A frame's features (17, F) from its joints in the turned view, None where unseen; the wobble is yet to come."""
    x, y, _ = rotation[2]
    far, share = math.log(extent) + LOG_EXTENT_SHIFT, (len(flat) - flat.count(None)) / len(flat)
    return [
        (0.0, 0.0, 0.0, 0.0, x, y, far, share, 0.0) if at is None
        else (at[0] / extent, at[1] / extent, s, 1.0, x, y, far, share, 0.0)
        for at, s in zip(flat, score)
    ]  # fmt: skip


def to_camera(poses_NKV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) of the model's view back in camera axes: the inverse rotation."""
    middle = (1,) * (poses_NKV3.ndim - 3)
    return poses_NKV3 @ rotations_N33.reshape(len(rotations_N33), *middle, 3, 3)  # row vectors: v R = R^-1 v


def to_view(poses_NV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) in camera axes, seen along the hip ray: training targets."""
    middle = (1,) * (poses_NV3.ndim - 3)
    return poses_NV3 @ rotations_N33.transpose(0, 2, 1).reshape(len(rotations_N33), *middle, 3, 3)
