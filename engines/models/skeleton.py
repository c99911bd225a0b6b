"""The 17 joints (Human3.6M order), their tree, and the maps from other skeletons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JOINT_NAMES: tuple[str, ...] = (
    "hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "spine", "thorax", "neck", "head",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
JOINTS = len(JOINT_NAMES)
RIGHT: tuple[int, ...] = (1, 2, 3, 14, 15, 16)
LEFT: tuple[int, ...] = (4, 5, 6, 11, 12, 13)
# Joint order after a left-right mirror: mirrored = pose[..., FLIP, :] with x negated.
FLIP: tuple[int, ...] = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)

# Beyond the 17, derived where they are asked for: see calibration.person.feet and hands. A mirror exchanges the sides.
FEET: tuple[str, ...] = ("right_heel", "right_toe", "left_heel", "left_toe")
FEET_FLIP: tuple[int, ...] = (2, 3, 0, 1)
FEET_OF_MEDIAPIPE33: tuple[int, ...] = (30, 32, 29, 31)
# Of a hand the roots of the little and the index finger, and the thumb's second joint.
HANDS: tuple[str, ...] = ("right_pinky", "right_index", "right_thumb", "left_pinky", "left_index", "left_thumb")
HANDS_FLIP: tuple[int, ...] = (3, 4, 5, 0, 1, 2)
HANDS_OF_MEDIAPIPE33: tuple[int, ...] = (18, 20, 22, 17, 19, 21)
EXTREMITIES: dict[str, tuple[str, ...]] = {"feet": FEET, "hands": HANDS}
HANG_ON: dict[str, tuple[int, ...]] = {"feet": (3, 3, 6, 6), "hands": (16, 16, 16, 13, 13, 13)}  # joint of each point

# Weights of the 33 MediaPipe landmarks in each joint; every row sums to 1.
_MEDIAPIPE: dict[int, dict[int, float]] = {
    0: {23: 0.5, 24: 0.5},
    1: {24: 1}, 2: {26: 1}, 3: {28: 1},
    4: {23: 1}, 5: {25: 1}, 6: {27: 1},
    7: {11: 0.25, 12: 0.25, 23: 0.25, 24: 0.25},
    8: {11: 0.5, 12: 0.5},
    # Neck/nose and top of the head lie on the line from the shoulders' to the ears' midpoint (about 0.21 m long).
    9: {11: 0.15, 12: 0.15, 7: 0.35, 8: 0.35},
    10: {11: -0.135, 12: -0.135, 7: 0.635, 8: 0.635},
    11: {11: 1}, 12: {13: 1}, 13: {15: 1},
    14: {12: 1}, 15: {14: 1}, 16: {16: 1},
}  # fmt: skip


def _matrix(rows: dict[int, dict[int, float]], sources: int) -> NDArray[np.float32]:
    matrix = np.zeros((JOINTS, sources), np.float32)
    for joint, weights in rows.items():
        for source, weight in weights.items():
            matrix[joint, source] = weight
    return matrix


MEDIAPIPE33_TO_17: NDArray[np.float32] = _matrix(_MEDIAPIPE, 33)
