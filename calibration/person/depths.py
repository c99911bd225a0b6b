"""How far a person's joints lie behind the hip, filtered over time: what a frame cannot tell, the past does.

The lifter is followed as far as a joint is seen to move: where its keypoint rests, so does its depth, and it goes no
further in a frame than its keypoint gives it reason to.

Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from typing import Final

from calibration.person.on_rays import HIP
from calibration.person.plain import Ray
from engines.models.skeleton import JOINTS

FRAME_S: Final = 1 / 30
# How far a depth goes in a frame while its keypoint rests, 1 sigma and at most, and for each metre that it moves.
_STILL_M: Final = 0.0015
_FOLLOWS: Final = 8.0
_MOST_STILL_M: Final = 0.006
_MOST_FOLLOWS: Final = 3.5
_MAY_MOVE_M: Final = 0.008  # a joint that is not seen, in a frame
_LEAST_SIGMA_M: Final = 0.01
_COMMON: Final = 0.7  # of the least variance of the joints about a hip that is not seen, what all have in common


class DepthMemory:
    """Of one person. `follow` a frame, take what is believed `about` a joint, and `settle` on what came of it."""

    def __init__(self) -> None:
        self._behind_m: list[float] = [0.0] * JOINTS
        self._before_m = self._behind_m  # as the frame before was settled
        self._variance = [0.0] * JOINTS
        self._moved_m = [math.inf] * JOINTS
        self._rays: list[Ray | None] = [None] * JOINTS

    def follow(
        self, rays: list[Ray | None], away_m: float, behind_m: list[float], sigma_m: list[float],
        dt_s: float, fresh: bool,
    ) -> None:  # fmt: skip
        """The next frame: rays (17,), None where unseen, of a person so far away; the lifter's depths behind the hip
        (17,) and their errors. `fresh`: nothing is known of before."""
        old_rays, self._rays, self._before_m = self._rays, rays, self._behind_m
        if fresh:
            self._behind_m, self._variance = list(behind_m), [error * error for error in sigma_m]
            self._moved_m = [math.inf] * JOINTS
            return
        self._moved_m = [
            _MAY_MOVE_M if now is None or old is None else _apart(now, old) * away_m for now, old in zip(rays, old_rays)
        ]
        self._behind_m = list(self._behind_m)
        still = _STILL_M * math.sqrt(dt_s / FRAME_S)
        for joint in range(1, JOINTS):
            step = still + _FOLLOWS * self._moved_m[joint]
            variance = self._variance[joint] + step * step
            gain = variance / (variance + sigma_m[joint] * sigma_m[joint])
            self._behind_m[joint] += gain * (behind_m[joint] - self._behind_m[joint])
            self._variance[joint] = (1 - gain) * variance

    def about(self, anchor: int) -> tuple[list[float], list[float]]:
        """How far the joints are believed to lie behind this one, and the 1-sigma errors, (17,) each.

        About another than the hip what they have in common, where the hip is, need not be known.
        """
        variance = self._variance
        if anchor != HIP:
            variance = [variance[anchor], *variance[1:]]
            seen = (own for own, ray in zip(variance, self._rays) if ray is not None)
            common = _COMMON * min(seen, default=0.0)
            variance = [own - common for own in variance]
        sigma = [math.sqrt(max(own, _LEAST_SIGMA_M**2)) for own in variance]
        return _behind(self._behind_m, anchor), sigma

    def within_reach(self, behind_m: list[float], anchor: int, dt_s: float) -> list[float]:
        """Depths behind `anchor` (17,), none further from the frame before's than its keypoint gives reason to."""
        still, before = _MOST_STILL_M * math.sqrt(dt_s / FRAME_S), _behind(self._before_m, anchor)
        return [
            max(old - still - _MOST_FOLLOWS * moved, min(new, old + still + _MOST_FOLLOWS * moved))
            for new, old, moved in zip(behind_m, before, self._moved_m)
        ]

    def settle(self, behind_m: list[float]) -> None:
        """What the frame's depths behind the hip (17,) are in the end."""
        self._behind_m = behind_m


def _apart(one: Ray, other: Ray) -> float:
    x, y = one[0] - other[0], one[1] - other[1]
    return math.sqrt(x * x + y * y)


def _behind(behind_m: list[float], anchor: int) -> list[float]:
    return [own - behind_m[anchor] for own in behind_m]
