"""What clinicians and animators read off a pose: the angles at the joints, in degrees.

Axes: ... frames, 17 joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating]
# the corner's joint between its two arms; both sides
CORNERS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "knee": ((1, 2, 3), (4, 5, 6)),
    "hip": ((8, 0, 2), (8, 0, 5)),
    "elbow": ((11, 12, 13), (14, 15, 16)),
    "shoulder": ((0, 8, 12), (0, 8, 15)),
}
HIP, THORAX = 0, 8


def corner_angles(poses_m: Real) -> dict[str, Real]:
    """Poses (..., 17, 3) -> name -> angles (..., 2) of the two sides: 180 is straight."""
    return {name: np.stack([_angle(poses_m, *corner) for corner in both], -1) for name, both in CORNERS.items()}


def trunk_error_deg(predicted: Real, true: Real) -> Real:
    """(...,): between the two trunks' directions, both poses (..., 17, 3) in the same axes."""
    return _between(predicted[..., THORAX, :] - predicted[..., HIP, :], true[..., THORAX, :] - true[..., HIP, :])


def trunk_lengths(poses_m: Real) -> Real:
    """Poses (..., 17, 3) -> (...,), in metres."""
    return np.asarray(np.linalg.norm(poses_m[..., THORAX, :] - poses_m[..., HIP, :], axis=-1))


def _angle(poses: Real, one: int, corner: int, other: int) -> Real:
    return _between(poses[..., one, :] - poses[..., corner, :], poses[..., other, :] - poses[..., corner, :])


def _between(one: Real, other: Real) -> Real:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray(np.degrees(np.arccos(np.clip((one * other).sum(-1) / np.maximum(lengths, 1e-9), -1, 1))))
