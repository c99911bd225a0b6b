"""The model's input contract: viewing rays in, features that know no camera out, and the way back.

Each frame is turned so that the ray to the person's hip is the optical axis, and divided by the person's RMS extent.
Features of a joint: x, y in that view over the extent; score; seen (0 or 1); then, the same for all joints, the hip
ray's direction (x, y of the unit vector), log extent, the share of joints seen, and the keypoints' wobble, which one
frame does not tell (engines.models.wobble fills it in). Unseen joints have x = y = 0.

Axes: N any batch, V joints, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEATURES = 9
SEEN, WOBBLE = 3, 8  # places of these among the features
MIN_SCORE = 0.1  # below, or NaN: the joint counts as unseen
MIN_EXTENT = 1e-3  # radians, about: a person 500 m away
MIN_DEPTH = 0.1  # of the turned unit ray: a joint over 84 degrees off the hip ray is unseen

Float = NDArray[np.float32]
Rows = Sequence[Sequence[float]]
_FLAT = np.eye(2, dtype=np.float32)
# Up to so many frames at once are worked out in plain numbers: for 17 joints NumPy's calls take longer than that, most
# of all right after a pause, when little of NumPy is in the processor's caches.
_FEW = 4


def normalise(rays_NV2: Float, score_NV: Float, out_NVF: Float | None = None) -> tuple[Float, Float]:
    """Rays (N, 17, 2) = (x/z, y/z) and scores (N, 17) -> features (N, 17, F), rotations (N, 3, 3).

    `rotations @ camera_vector` is in the model's view; rotate a lifted pose back with `to_camera`. With no joint seen
    the features are zero but for the constants, and the rotation is the identity.
    """
    features = np.empty((len(rays_NV2), rays_NV2.shape[1], FEATURES), np.float32) if out_NVF is None else out_NVF
    if len(rays_NV2) <= _FEW:
        rotations = np.empty((len(rays_NV2), 3, 3), np.float32)
        for row in range(len(rays_NV2)):
            features[row], rotations[row] = _normalise_one(rays_NV2[row].tolist(), score_NV[row].tolist())
        return features, rotations
    return features, _normalise_many(rays_NV2, score_NV, features)


def seen_joints(rays: Rows, score: Sequence[float]) -> list[bool]:
    """Of one frame, in plain numbers: rays (17, 2), NaN where missing, and scores (17,)."""
    return [s >= MIN_SCORE and math.isfinite(x + y) for (x, y), s in zip(rays, score, strict=True)]


def _normalise_one(rays: Rows, score: Sequence[float]) -> tuple[Rows, Rows]:
    """One frame, in plain numbers: features and rotation."""
    seen = seen_joints(rays, score)
    x, y = 0.0, 0.0
    if seen[0]:
        x, y = rays[0]
    elif any(seen):
        known = [ray for ray, is_seen in zip(rays, seen, strict=True) if is_seen]
        x, y = (sum(axis) / len(known) for axis in zip(*known, strict=True))
    length = math.sqrt(x * x + y * y + 1)
    x, y, z = x / length, y / length, 1 / length
    xx, xy, yy = x * x / (1 + z), x * y / (1 + z), y * y / (1 + z)
    count, square = 0, 0.0
    flat: list[tuple[float, float] | None] = []
    for (u, v), is_seen in zip(rays, seen, strict=True):
        depth = x * u + y * v + z
        if is_seen and depth > MIN_DEPTH * math.sqrt(u * u + v * v + 1):
            u, v = ((1 - xx) * u - xy * v - x) / depth, ((1 - yy) * v - xy * u - y) / depth
            flat.append((u, v))
            count += 1
            square += u * u + v * v
        else:
            flat.append(None)
    extent = max(math.sqrt(square / max(count, 1)), MIN_EXTENT)
    same = (x, y, math.log(extent) + 2.0, count / len(rays), 0.0)
    features = [
        (0.0, 0.0, 0.0, 0.0, *same) if at is None else (at[0] / extent, at[1] / extent, s, 1.0, *same)
        for at, s in zip(flat, score, strict=True)
    ]
    return features, ((1 - xx, -xy, -x), (-xy, 1 - yy, -y), (x, y, z))


def _normalise_many(rays_NV2: Float, score_NV: Float, features: Float) -> Float:
    """Any number of frames: fills the features, gives the rotations."""
    finite = np.isfinite(rays_NV2)
    seen = finite[..., 0] & finite[..., 1] & (score_NV >= MIN_SCORE)
    xy = np.where(seen[..., None], rays_NV2, np.float32(0))
    axis = _hip_axis(xy, seen)
    rotations = _turn_to_axis(axis)
    turned = xy @ rotations[:, :, :2].transpose(0, 2, 1) + rotations[:, None, :, 2]  # of the ray (x, y, 1)
    seen &= turned[..., 2] > np.float32(MIN_DEPTH) * np.sqrt(np.add.reduce(turned * turned, -1))
    flat = np.divide(turned[..., :2], turned[..., 2:], out=np.zeros(xy.shape, np.float32), where=seen[..., None])
    count = np.add.reduce(seen, -1, np.float32)
    extent = np.sqrt(np.einsum("nvc,nvc->n", flat, flat) / np.maximum(count, np.float32(1)))
    extent = np.maximum(extent, np.float32(MIN_EXTENT))
    np.divide(flat, extent[:, None, None], out=features[..., :2])
    features[..., 2] = np.where(seen, score_NV, 0)
    features[..., SEEN] = seen
    features[..., 4:6] = axis[:, None, :2]
    features[..., 6] = (np.log(extent) + 2.0)[:, None]
    features[..., 7] = (count / seen.shape[1])[:, None]
    features[..., WOBBLE] = 0
    return rotations


def to_camera(poses_NKV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) of the model's view back in camera axes: the inverse rotation."""
    middle = (1,) * (poses_NKV3.ndim - 3)
    return poses_NKV3 @ rotations_N33.reshape(len(rotations_N33), *middle, 3, 3)  # row vectors: v R = R^-1 v


def to_view(poses_NV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) in camera axes, seen along the hip ray: training targets."""
    middle = (1,) * (poses_NV3.ndim - 3)
    return poses_NV3 @ rotations_N33.transpose(0, 2, 1).reshape(len(rotations_N33), *middle, 3, 3)


def _hip_axis(xy_NV2: Float, seen_NV: NDArray[np.bool_]) -> Float:
    """(N, 3) unit vectors: the ray to the hip, else the mean of the rays seen."""
    axis = np.empty((len(xy_NV2), 3), np.float32)
    axis[:, :2], axis[:, 2] = xy_NV2[:, 0], 1
    if not np.logical_and.reduce(seen_NV[:, 0]):
        without = ~seen_NV[:, 0]
        axis[without, :2] = xy_NV2[without].sum(1) / np.maximum(seen_NV[without].sum(1, keepdims=True), 1)
    axis /= np.sqrt(np.add.reduce(axis * axis, -1, keepdims=True))
    return axis


def _turn_to_axis(axis_N3: Float) -> Float:
    """(N, 3, 3): the smallest rotation that takes each unit vector to (0, 0, 1)."""
    xy, out = axis_N3[:, :2], np.empty((len(axis_N3), 3, 3), np.float32)
    out[:, :2, :2] = _FLAT - xy[:, :, None] * (xy / (1 + axis_N3[:, 2:]))[:, None]
    np.negative(xy, out=out[:, :2, 2])
    out[:, 2] = axis_N3
    return out
