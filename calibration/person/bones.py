"""A person's bone lengths, remembered: a running estimate of ten, left and right being one, from lifted poses.

Each frame votes with the lengths that its pose gives, drawn out on the keypoints' rays. A bone across the view tells
its length, one along the view tells only what the lifter believes of its depth, so that votes are weighed by their
errors. People's proportions are where it begins. Constant memory, a few additions a frame.

All lengths are in the lifter's own metres, those of an assumed body. Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from calibration.person.body_scale import BodyScale, stature
from calibration.person.plain import Point
from engines.models.known import GROUP_OF, GROUPS, SPREAD, USUAL_M
from engines.models.skeleton import JOINTS, PARENTS

GIVES = (0.03, 0.01, 0.01, 0.05, 0.05, 0.06, 0.05, 0.05, 0.01, 0.015)  # relative: no skeleton of 17 joints is rigid

_VOTE: Final = 0.08  # relative 1 sigma of any one frame's vote: what the lifter believes of a pose is off
_CORRELATED_S: Final = 0.15  # a pose's errors last: frames within this tell the same
_FORGETTING_S: Final = 120.0
_FAR: Final = 3.0  # sigmas: votes beyond pull no more than this
_KNOWN: Final = 0.03  # relative errors of a measured person's bones, and of a rigid skeleton's
_RIGID: Final = 0.008


class BoneMemory:
    """Of one person: `lengths_m` and relative errors `spread` (10,), in the order of GROUPS."""

    def __init__(
        self, usual_m: Sequence[float] = USUAL_M, spread: Sequence[float] = SPREAD, fixed: bool = False
    ) -> None:
        """`fixed`: votes change nothing."""
        self._logs = [math.log(metres) for metres in usual_m]
        self._certainty = [1 / (error * error) for error in spread]
        self.lengths_m = list(usual_m)
        self.fixed = fixed
        self._spread_to_joints()

    @property
    def spread(self) -> list[float]:
        """Relative 1-sigma errors (10,)."""
        return [1 / math.sqrt(certainty) for certainty in self._certainty]

    def vote(self, points_m: list[Point | None], sigma_m: list[float], dt_s: float) -> None:
        """One frame: points (17,) along their rays, None where unseen, and the lifter's errors (17,) in depth."""
        if self.fixed:
            return
        share = min(dt_s / _CORRELATED_S, 1.0)
        logs, certainty = self._logs, self._certainty
        keep = 1 - min(dt_s / _FORGETTING_S, 0.5)
        for joint in range(1, JOINTS):
            end, start = points_m[joint], points_m[PARENTS[joint]]
            if end is None or start is None:
                continue
            x, y, z = end[0] - start[0], end[1] - start[1], end[2] - start[2]
            length2 = x * x + y * y + z * z
            if not 1e-4 < length2 < 4:
                continue
            along = abs(z) * math.hypot(sigma_m[joint], sigma_m[PARENTS[joint]]) / length2  # relative error of depth
            group = GROUP_OF[joint]
            vote2 = along * along + _VOTE * _VOTE
            off = math.log(length2) / 2 - logs[group]
            most = _FAR * math.sqrt(vote2 + 1 / certainty[group])
            weight = share / vote2
            known = certainty[group] * (keep if certainty[group] > 1e3 else 1.0)
            logs[group] += weight / (known + weight) * max(-most, min(off, most))
            certainty[group] = known + weight
        self.lengths_m = [math.exp(log) for log in logs]
        self._spread_to_joints()

    def _spread_to_joints(self) -> None:
        """Lengths of the bones that end in the joints (17,), 0 for the hip, and the errors that they are known with."""
        self.of_joints_m = [self.lengths_m[group] if group >= 0 else 0.0 for group in GROUP_OF]
        relative = [max(spread, gives) for spread, gives in zip(self.spread, GIVES)]
        self.errors_of_joints_m = [
            length * relative[group] for length, group in zip(self.of_joints_m, GROUP_OF)
        ]


def memory_of(person: BodyScale | None) -> BoneMemory:
    """Of somebody measured before, as far as they were: their proportions, at the lifter's size of a body."""
    if person is None or not math.isfinite(float(stature(person.bones_m))):
        return BoneMemory()
    known = [[float(person.bones_m[joint]) for joint in range(1, JOINTS) if GROUP_OF[joint] == group]
             for group in range(len(GROUPS))]  # fmt: skip
    metres = [sum(both) / len(both) for both in known]
    size = stature_of(USUAL_M) / stature_of(metres)
    return BoneMemory(
        [size * length for length in metres], [_RIGID if person.rigid else _KNOWN] * len(GROUPS), person.rigid
    )


def stature_of(lengths_m: Sequence[float]) -> float:
    """The height of a body with these ten lengths, standing straight."""
    return float(stature([lengths_m[group] if group >= 0 else 0.0 for group in GROUP_OF]))


ASSUMED_STATURE_M = stature_of(USUAL_M)  # of the body that the lifter believes in, where nothing else is known
