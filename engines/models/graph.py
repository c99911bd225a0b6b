"""The fixed joint graphs of GLA-GCN: itself, towards the root, away from it. No torch: the exporters need them too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import PARENTS

SUBSETS = 3

# (child, parent), 0-based: Human3.6M's 17 joints and HumanEva's 15, whose joint 1 has three parents.
EDGES: dict[int, tuple[tuple[int, int], ...]] = {
    17: tuple((child, parent) for child, parent in enumerate(PARENTS) if parent >= 0),
    15: ((14, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 0), (0, 11), (11, 12), (12, 13),
         (0, 8), (8, 9), (9, 10)),
}  # fmt: skip


def skeleton_graphs(joints: int) -> NDArray[np.float32]:
    """(3, V, V): identity; inward, M[parent, child] = 1; outward, its transpose; non-zero columns of both sum to 1.

    Constants of the skeleton, never in a checkpoint. Raises ValueError for another number of joints.
    """
    if joints not in EDGES:
        raise ValueError(f"joints must be one of {sorted(EDGES)}, got {joints}")
    graphs = np.stack([np.eye(joints, dtype=np.float32)] * 3)
    graphs[1:] = 0
    for child, parent in EDGES[joints]:
        graphs[1, parent, child] = graphs[2, child, parent] = 1
    graphs /= np.maximum(graphs.sum(1, keepdims=True), 1)
    return graphs
