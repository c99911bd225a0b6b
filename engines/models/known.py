"""What is known of a person besides the frame: the body's proportions and which way is up, as features of the model.

Features of a joint: the bone that ends in it, as its length's logarithm against people's at the same stature, in
people's standard deviations; how well that is known (0 to 1); then, the same for all joints, the direction that is up
in the normalised view, the shorter the less it is known. Zeros: nothing is known.

Both are learned behind the model (calibration.person.bones) or measured; the proportions are those of a body whose size
nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engines.models.skeleton import JOINTS

GROUPS = ("hip", "thigh", "shin", "lower spine", "upper spine", "neck", "head", "shoulder", "upper arm", "forearm")
GROUP_OF = (-1, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8, 9)  # of the bone that ends in each joint
# Medians over people of the motion capture in metres, and the relative spread that laboratories and people make.
USUAL_M = (0.09, 0.38, 0.45, 0.30, 0.18, 0.15, 0.115, 0.15, 0.283, 0.23)
SPREAD = (0.35, 0.09, 0.09, 0.2, 0.3, 0.3, 0.3, 0.3, 0.12, 0.15)
UPRIGHT = tuple(float(group in (1, 2, 3, 4, 5, 6)) for group in range(len(GROUPS)))  # what a stature consists of
KNOWN_FEATURES: Final = 5
USUAL_TILT_RAD = math.radians(4)  # an up direction with this error counts half

Rows = Sequence[Sequence[float]]
UNKNOWN_ROWS: Rows = ((0.0,) * KNOWN_FEATURES,) * JOINTS
_USUAL_STATURE_M = sum(share * metres for share, metres in zip(UPRIGHT, USUAL_M))


@dataclass(frozen=True, slots=True)
class Known:
    """`bones` and `sure` (10,) in the order of GROUPS, as features; `up` (3,) in camera axes, its length how sure."""

    bones: Sequence[float] = (0.0,) * len(GROUPS)
    sure: Sequence[float] = (0.0,) * len(GROUPS)
    up: Sequence[float] = (0.0, 0.0, 0.0)

    def rows(self, rotation: Rows) -> Rows:
        """(17, 5): the features of a frame whose view `rotation` turns camera axes to."""
        x, y, z = self.up
        up = [row[0] * x + row[1] * y + row[2] * z for row in rotation]
        return [(self.bones[group], self.sure[group], *up) if group >= 0 else (0.0, 0.0, *up) for group in GROUP_OF]


def known(lengths_m: Sequence[float], spread: Sequence[float], up: Sequence[float] = (0.0, 0.0, 0.0)) -> Known:
    """Of ten bone lengths in any one unit, the relative errors that they are known with, and up as in `Known`."""
    stature = sum(share * length for share, length in zip(UPRIGHT, lengths_m))
    size = _USUAL_STATURE_M / stature
    people = list(zip(lengths_m, USUAL_M, SPREAD))
    bones = [max(-3.0, min(math.log(size * length / usual) / wide, 3.0)) for length, usual, wide in people]
    sure = [max(0.0, 1 - error / wide) for error, wide in zip(spread, SPREAD)]
    return Known(bones, sure, up)


def sure_up(up: Sequence[float], error_rad: float) -> tuple[float, float, float]:
    """A unit vector (3,) as `Known` takes it."""
    share = 1 / (1 + (error_rad / USUAL_TILT_RAD) ** 2)
    return share * up[0], share * up[1], share * up[2]

