"""How far a person's keypoints wander from the truth: by how much they bend from frame to frame.

As engines.models.wobble, in metres at the person: true motion bends little, a detector's jitter much.
"""

from __future__ import annotations

import math
from typing import Final

from calibration.person.plain import Ray
from engines.models.skeleton import JOINTS

# How much more wrists and ankles wander than hips and shoulders.
WANDER = (0.8, 0.8, 1.0, 1.2, 0.8, 1.0, 1.2, 0.7, 0.6, 0.7, 0.8, 0.7, 1.1, 1.4, 0.7, 1.1, 1.4)
_OF_BEND: Final = 3.0  # 1 sigma of a keypoint over its bend: jitter lasts for some frames
_TRUE_BEND_M: Final = 0.005  # what true motion bends
_MOST_BEND_M: Final = 0.1  # one leap is not remembered for long
_LEAST_M: Final = 0.003
_USUAL_BEND_M: Final = 0.006  # where a person begins
_GAIN: Final = 0.1  # of a frame in the running mean square


class Jitter:
    """Of one person."""

    def __init__(self) -> None:
        self._old: list[Ray | None] = [None] * JOINTS
        self._older: list[Ray | None] = [None] * JOINTS
        self._bend2 = [_USUAL_BEND_M**2] * JOINTS

    def push(self, rays: list[Ray | None], metres: float, fresh: bool) -> list[float]:
        """Rays (17,), None where unseen, of a person so many metres away -> each keypoint's 1 sigma across the view."""
        if fresh:
            self._older = self._old = [None] * JOINTS
        scale2, most2 = metres * metres / 2, _MOST_BEND_M**2
        for joint, (now, old, older) in enumerate(zip(rays, self._old, self._older)):
            if now is not None and old is not None and older is not None:
                x, y = now[0] - 2 * old[0] + older[0], now[1] - 2 * old[1] + older[1]
                self._bend2[joint] += _GAIN * (min((x * x + y * y) * scale2, most2) - self._bend2[joint])
        self._older, self._old = self._old, rays
        product = 1.0
        for bend2 in self._bend2:
            product *= bend2 + 1e-6  # 17 of these are no smaller than 1e-102
        common = product ** (1 / JOINTS)
        error = max(_OF_BEND * math.sqrt(max(common - _TRUE_BEND_M**2, 0.0)), _LEAST_M)
        return [error * share for share in WANDER]
