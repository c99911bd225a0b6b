"""How badly a lifted pose fits the keypoints that it was lifted from, beyond what they wander.

A detector, a laboratory and the lifter do not agree where a hip or a shoulder is. Then no pose of the lifter's kind
projects to the keypoints, however long one waits: the one sign of it that a single camera has. Plain numbers.
"""

from __future__ import annotations

import math
from typing import Final

from calibration.person.plain import Point, Ray
from calibration.person.root import Root

_MEMORY_S: Final = 1.0
_SEEN_BY: Final = 12  # joints: of fewer the root itself is unsure
_MOST_M: Final = 0.1  # further off, keypoints are astray, which is another's to say


class Misfit:
    """Of one person."""

    def __init__(self) -> None:
        self.beyond_m = 0.0  # root of the mean square over the joints, across the view
        self._square_m2 = math.nan
        self._wander_m2 = 0.0

    def push(self, seen: list[Ray | None], wander_m: list[float], pose: list[Point], root: Root, dt_s: float) -> None:
        """Rays (17,), None where unseen, how far each wanders, and the lifted pose (17,) at its root."""
        off_m2, wandered_m2, count = 0.0, 0.0, 0
        for ray, wander, own in zip(seen, wander_m, pose):
            if ray is None:
                continue
            deep = root.z_m + own[2]
            x, y = root.x_m + own[0] - ray[0] * deep, root.y_m + own[1] - ray[1] * deep
            off_m2 += x * x + y * y
            wandered_m2 += wander * wander
            count += 1
        if count < _SEEN_BY:
            return
        now_m2 = min(off_m2 / count, _MOST_M * _MOST_M)
        share = 1.0 if math.isnan(self._square_m2) else min(dt_s / _MEMORY_S, 1.0)
        old = 0.0 if math.isnan(self._square_m2) else self._square_m2
        self._square_m2 = old + share * (now_m2 - old)
        self._wander_m2 += share * (wandered_m2 / count - self._wander_m2)
        self.beyond_m = math.sqrt(max(self._square_m2 - self._wander_m2, 0.0))
