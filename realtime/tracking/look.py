"""What a frame shows of each person that an id can go by: where, how large (so how far away), of which build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.models.skeleton import JOINTS
from realtime.contracts import Array

BODY_M = 1.7  # `size_px` is that of a body so tall at the person's distance
# Pairs of joints whose distances, left and right being one, make a build: hip, thigh, shin, trunk, head, shoulder, arm.
_BONES = (((0, 1), (0, 4)), ((1, 2), (4, 5)), ((2, 3), (5, 6)), ((0, 8), (0, 8)), ((8, 10), (8, 10)),
          ((8, 11), (8, 14)), ((11, 12), (14, 15)), ((12, 13), (15, 16)))  # fmt: skip
BUILD = len(_BONES)
_STARTS = np.array([[bone[0] for bone in both] for both in _BONES])
_ENDS = np.array([[bone[1] for bone in both] for both in _BONES])
_FLAT_PARTS = 0.25  # a standing body's joints lie so many parts of its height from their middle (RMS)
_LEAST_PX = 1.0
SIZE_SIGMA, FLAT_SIZE_SIGMA = 0.06, 0.15  # relative, of one look, with a 3D and without (measured, two clips)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Of the n people of a frame."""

    xy_px: Array  # (n, 17, 2), 0 where unknown
    seen: Array  # (n, 17), 1 or 0
    size_px: Array  # (n,)
    bodies_m: Array | None  # (n, 17, 3), the detector's own 3D, where there is one

    @property
    def size_sigma(self) -> float:
        """Relative 1-sigma error of a size."""
        return FLAT_SIZE_SIGMA if self.bodies_m is None else SIZE_SIGMA


def looks(skeletons_px: Sequence[Array], joints_m: Sequence[Array] | None = None) -> Looks:
    """Skeletons (17, 2), NaN where unknown; `joints_m` (17, 3) each, camera axes, metres of any one body.

    A pose in 3D says what of a small picture is distance and what is foreshortening: its metres over the picture's
    pixels are the distance, whichever way a person turns or bends.
    """
    xy_px = np.array(skeletons_px, np.float32).reshape(-1, JOINTS, 2)
    known = np.isfinite(xy_px[:, :, 0])
    xy_px[~known] = 0
    seen = known.astype(np.float32)
    weight = (seen / np.maximum(np.add.reduce(seen, 1, keepdims=True), 1))[:, :, None]
    across_px = weight * (xy_px - np.add.reduce(weight * xy_px, 1, keepdims=True))
    if joints_m is None:
        size_px = np.sqrt(np.add.reduce(across_px * xy_px, (1, 2))) / _FLAT_PARTS
        return Looks(xy_px, seen, np.maximum(size_px, _LEAST_PX), None)
    bodies_m = np.array(joints_m, np.float32).reshape(-1, JOINTS, 3)
    flat_m = bodies_m[:, :, :2]
    across_m = weight * (flat_m - np.add.reduce(weight * flat_m, 1, keepdims=True))
    spread_m2 = np.add.reduce(across_m * flat_m, (1, 2))
    size_px = BODY_M * np.add.reduce(across_px * flat_m, (1, 2)) / np.maximum(spread_m2, 1e-6)
    return Looks(xy_px, seen, np.maximum(size_px, _LEAST_PX), bodies_m)


def builds(seen: Looks) -> Array | None:
    """(n, BUILD) logarithms of bone lengths less their mean; None without a 3D."""
    if seen.bodies_m is None:
        return None
    bones_m = seen.bodies_m[:, _ENDS] - seen.bodies_m[:, _STARTS]
    lengths_m = np.sqrt((bones_m**2).sum(-1)).mean(-1)
    logs = np.log(np.maximum(lengths_m, 1e-3))
    return np.asarray(logs - logs.mean(1, keepdims=True), np.float32)
