"""The three fixed joint graphs of GLA-GCN: itself, towards the hip, away from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.skeleton import PARENTS

SUBSETS = 3


def joint_graphs(parents: Sequence[int] = PARENTS) -> NDArray[np.float32]:
    """(3, V, V): identity; inward, M[parent, child] = 1; outward, its transpose; the last two with columns of sum 1."""
    joints = len(parents)
    inward = np.zeros((joints, joints), np.float32)
    for child, parent in enumerate(parents):
        if parent >= 0:
            inward[parent, child] = 1
    return np.stack((np.eye(joints, dtype=np.float32), _columns_to_one(inward), _columns_to_one(inward.T)))


def _columns_to_one(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return matrix / np.maximum(matrix.sum(0, keepdims=True), 1)
