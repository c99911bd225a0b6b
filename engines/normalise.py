"""The model's input contract: viewing rays in, features that know no camera out, and the way back.

Each frame is turned so that the ray to the person's hip is the optical axis, and divided by the person's RMS extent.
Features of a joint: x, y in that view over the extent; score; seen (0 or 1); then, the same for all joints, the hip
ray's direction (x, y of the unit vector), log extent, and the share of joints seen. Unseen joints have x = y = 0.

Axes: N any batch, V joints, F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEATURES = 8
MIN_SCORE = 0.1  # below, or NaN: the joint counts as unseen
MIN_EXTENT = 1e-3  # radians, about: a person 500 m away
MIN_DEPTH = 0.1  # of the turned unit ray: a joint over 84 degrees off the hip ray is unseen

Float = NDArray[np.float32]


def normalise(rays_NV2: Float, score_NV: Float, out_NVF: Float | None = None) -> tuple[Float, Float]:
    """Rays (N, 17, 2) = (x/z, y/z) and scores (N, 17) -> features (N, 17, F), rotations (N, 3, 3).

    `rotations @ camera_vector` is in the model's view; rotate a lifted pose back with `to_camera`. With no joint seen
    the features are zero but for the constants, and the rotation is the identity.
    """
    features = np.empty((len(rays_NV2), rays_NV2.shape[1], FEATURES), np.float32) if out_NVF is None else out_NVF
    seen = np.isfinite(rays_NV2).all(-1) & (score_NV >= MIN_SCORE)
    xy = np.where(seen[..., None], rays_NV2, np.float32(0))
    axis = _unit(_hip_ray(xy, seen))
    rotations = _turn_to_axis(axis)
    turned = xy @ rotations[:, :, :2].transpose(0, 2, 1) + rotations[:, None, :, 2]  # of the ray (x, y, 1)
    seen &= turned[..., 2] > MIN_DEPTH * np.sqrt(1 + (xy**2).sum(-1))
    flat = np.where(seen[..., None], turned[..., :2] / np.where(seen, turned[..., 2], 1)[..., None], np.float32(0))
    count = np.maximum(seen.sum(-1), 1)
    extent = np.maximum(np.sqrt((flat**2).sum((-1, -2)) / count), MIN_EXTENT)
    features[..., :2] = flat / extent[:, None, None]
    features[..., 2] = np.where(seen, score_NV, 0)
    features[..., 3] = seen
    features[..., 4:6] = axis[:, None, :2]
    features[..., 6] = (np.log(extent) + 2.0)[:, None]
    features[..., 7] = seen.mean(-1)[:, None]
    return features, rotations


def to_camera(poses_NKV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) of the model's view back in camera axes: the inverse rotation."""
    middle = (1,) * (poses_NKV3.ndim - 3)
    return poses_NKV3 @ rotations_N33.reshape(len(rotations_N33), *middle, 3, 3)  # row vectors: v R = R^-1 v


def to_view(poses_NV3: Float, rotations_N33: Float) -> Float:
    """Poses (N, ..., 17, 3) in camera axes, seen along the hip ray: training targets."""
    middle = (1,) * (poses_NV3.ndim - 3)
    return poses_NV3 @ rotations_N33.transpose(0, 2, 1).reshape(len(rotations_N33), *middle, 3, 3)


def _hip_ray(xy_NV2: Float, seen_NV: NDArray[np.bool_]) -> Float:
    """(N, 3): the ray to the hip, else the mean of the rays seen."""
    mean = xy_NV2.sum(1) / np.maximum(seen_NV.sum(1), 1)[:, None]
    xy = np.where(seen_NV[:, :1], xy_NV2[:, 0], mean)
    return np.concatenate((xy, np.ones_like(xy[:, :1])), -1).astype(np.float32)


def _unit(vectors: Float) -> Float:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _turn_to_axis(axis_N3: Float) -> Float:
    """(N, 3, 3): the smallest rotation that takes each unit vector to (0, 0, 1)."""
    x, y, z = axis_N3.T
    k = 1 / (1 + z)
    rows = ((1 - k * x * x, -k * x * y, -x), (-k * x * y, 1 - k * y * y, -y), (x, y, z))
    return np.stack([np.stack(row, -1) for row in rows], -2).astype(np.float32)
