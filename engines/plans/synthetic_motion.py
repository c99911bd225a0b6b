"""People who were never filmed: smooth random movement of a standing body, seen by random cameras.

For certificates and quantisation ranges where no recording is given. Wide rather than likely: arms go everywhere,
distances run from 1.6 to 8 m, and some joints are unseen for a while.
"""

from __future__ import annotations

import numpy as np

from engines.models.skeleton import JOINTS, PARENTS
from engines.plans.certificate import Array
from engines.plans.certify_model import Motion

RATE_HZ = 30.0
# Each joint from its parent in a standing pose, metres: x to the left of the picture, y down, z away from the camera.
BONES_M = np.array([
    (0, 0, 0), (-0.13, 0, 0), (0, 0.44, 0), (0, 0.45, 0), (0.13, 0, 0), (0, 0.44, 0), (0, 0.45, 0),
    (0, -0.23, 0), (0, -0.26, 0), (0, -0.09, -0.06), (0, -0.12, 0.03),
    (0.15, 0.02, 0), (0.02, 0.28, 0), (0, 0.25, 0), (-0.15, 0.02, 0), (-0.02, 0.28, 0), (0, 0.25, 0),
], np.float32)  # fmt: skip
# How far each bone swings about its parent's, radians: hips and spine little, elbows and shoulders far.
SWING = np.array([0, 0.1, 0.8, 0.7, 0.1, 0.8, 0.7, 0.25, 0.25, 0.3, 0.3, 0.2, 1.4, 1.3, 0.2, 1.4, 1.3], np.float32)


def synthetic_motion(sequences: int, frames: int, seed: int = 0) -> Motion:
    """Keypoints (S, T, 17, 2) of `sequences` people, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    joints = np.zeros((sequences, frames, JOINTS, 3))
    turn = _rotations(_wander(rng, sequences, frames, 1, 3.0)[..., 0, :] * (0.15, 1.0, 0.1))
    swings = _wander(rng, sequences, frames, JOINTS, 1.0) * SWING[:, None]
    bones = BONES_M * rng.uniform(0.8, 1.2, (sequences, 1, JOINTS, 1))
    frames_of_joint = {0: turn}
    for joint in range(1, JOINTS):
        parent = PARENTS[joint]
        frames_of_joint[joint] = frames_of_joint[parent] @ _rotations(swings[..., joint, :])
        joints[..., joint, :] = joints[..., parent, :] + np.einsum(
            "stij,stj->sti", frames_of_joint[joint], np.broadcast_to(bones[:, :, joint], joints[..., joint, :].shape)
        )
    place = _wander(rng, sequences, frames, 1, 1.0) * (0.5, 0.15, 0.4)
    place[..., 2] += rng.uniform(1.6, 8.0, (sequences, 1, 1))
    points = joints + place
    rays = points[..., :2] / np.maximum(points[..., 2:], 0.3)
    rays += rng.normal(0, 0.002, rays.shape)
    score = np.clip(0.9 + 0.1 * _wander(rng, sequences, frames, JOINTS, 1.0)[..., 0], 0, 1)
    hidden = _wander(rng, sequences, frames, JOINTS, 1.0)[..., 1] > 1.1
    rays[hidden], score[hidden] = np.nan, 0
    about = f"{sequences} synthetic people, seed {seed}"
    return Motion(rays.astype(np.float32), score.astype(np.float32), about)


def _wander(rng: np.random.Generator, sequences: int, frames: int, count: int, scale: float) -> Array:
    """(S, T, count, 3) smooth and bounded by about 1.5 `scale`: three sinusoids of 0.1 to 1.2 Hz each."""
    shape = (3, sequences, 1, count, 3)
    phase = rng.uniform(0, 2 * np.pi, shape) + 2 * np.pi * rng.uniform(0.1, 1.2, shape) * (
        np.arange(frames)[:, None, None] / RATE_HZ
    )
    waves: Array = (np.sin(phase) * rng.uniform(0.2, 0.6, shape)).sum(0) * scale
    return waves


def _rotations(vectors: Array) -> Array:
    """Rotation vectors (..., 3) as matrices (..., 3, 3), by Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], 1e-9), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    rotations: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return rotations
