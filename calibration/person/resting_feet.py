"""A foot that rests in the picture rests in the room: it holds the root still.

Depths are the uncertain part of a root, and they tremble. While an ankle's keypoint stays where it is, so does the
ankle: the root is corrected by as much as the ankle would have moved. When the foot leaves, the correction fades.
Plain numbers: see calibration.person.root.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.person.root import Vector

Real = NDArray[np.floating[Any]]
ANKLES = (3, 6)
GAP_S = 0.5
_REST_M_S = 0.12  # across the view; detections tremble by about that
_HOLDS = 0.9  # of an ankle's movement that is taken back
_FADE_S = 0.3


class RestingFeet:
    """Of one person."""

    def __init__(self) -> None:
        self._t_ns = 0
        self._rays: dict[int, Vector] = {}  # of the ankles, smoothed
        self._anchors: dict[int, Vector] = {}  # where the resting ones are
        self._correction: Vector = (0.0, 0.0, 0.0)

    def hold(self, t_ns: int, root_m: Vector, pose_m: Real, rays: Real, seen: tuple[bool, ...]) -> Vector:
        """The root (3,), corrected; pose (17, 3) about it, rays (17, 2), all of the moment `t_ns`."""
        dt_s = (t_ns - self._t_ns) * 1e-9
        self._t_ns = t_ns
        if not 0 < dt_s <= GAP_S or not math.isfinite(sum(root_m)):
            self._rays, self._anchors, self._correction = {}, {}, (0.0, 0.0, 0.0)
            if not math.isfinite(sum(root_m)):
                return root_m
        wanted = []
        for ankle in ANKLES:
            place = tuple(root + own for root, own in zip(root_m, pose_m[ankle].tolist(), strict=True))
            if self._rests(ankle, place, rays[ankle].tolist(), seen[ankle], dt_s):
                anchor = self._anchors.setdefault(
                    ankle, tuple(at + moved for at, moved in zip(place, self._correction, strict=True))
                )
                off = [_HOLDS * (kept - at) for kept, at in zip(anchor, place, strict=True)]
                wanted.append(off)
                self._anchors[ankle] = tuple(at + moved for at, moved in zip(place, off, strict=True))
            else:
                self._anchors.pop(ankle, None)
        if wanted:
            self._correction = tuple(sum(axis) / len(wanted) for axis in zip(*wanted, strict=True))
        else:
            fade = max(1 - dt_s / _FADE_S, 0.0)
            self._correction = tuple(fade * moved for moved in self._correction)
        return tuple(root + moved for root, moved in zip(root_m, self._correction, strict=True))

    def _rests(self, ankle: int, place: Vector, ray: Vector, seen: bool, dt_s: float) -> bool:
        """Whether the ankle's keypoint stays where it is, so far away."""
        before = self._rays.get(ankle)
        self._rays[ankle] = ray
        if before is None or not seen or not math.isfinite(ray[0] + ray[1]):
            return False
        return math.hypot(ray[0] - before[0], ray[1] - before[1]) * place[2] < _REST_M_S * dt_s
