"""Feet and hands as lines to draw: from the joints that they hang on to their points, and between these.

Points are counted after the 17 joints: FEET first, then HANDS (engines.models.skeleton).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import EXTREMITIES, HANG_ON, JOINTS

Floats = NDArray[np.floating[Any]]

NAMES: tuple[str, ...] = tuple(name for names in EXTREMITIES.values() for name in names)
ON: tuple[int, ...] = tuple(joint for joints in HANG_ON.values() for joint in joints)  # what each point hangs on
POINTS = JOINTS + len(ON)
_FOOT, _HAND = ((-1, 0), (-1, 1), (0, 1)), ((-1, 0), (-1, 1), (-1, 2), (0, 1))  # -1: the ankle, the wrist
_FIRST = (JOINTS, JOINTS + 2, JOINTS + 4, JOINTS + 7)  # point of the right and left foot, right and left hand
LINES: tuple[tuple[int, int], ...] = tuple(
    (ON[first - JOINTS] if start < 0 else first + start, first + end)
    for first, shape in zip(_FIRST, (_FOOT, _FOOT, _HAND, _HAND), strict=True) for start, end in shape
)  # fmt: skip


def points_of(joints: Floats, feet: Floats | None, hands: Floats | None) -> Floats | None:
    """Joints (17, D), FEET (4, D) and HANDS (6, D) -> (27, D), NaN where not known; None where there are neither."""
    if feet is None and hands is None:
        return None
    points = np.full((POINTS, joints.shape[1]), np.nan, joints.dtype)
    points[:JOINTS] = joints
    for first, own in ((_FIRST[0], feet), (_FIRST[2], hands)):
        if own is not None:
            points[first : first + len(own)] = own
    return points


def known_lines(points: Floats) -> list[tuple[int, int]]:
    """Those of LINES whose both ends are known, of points (27, D)."""
    known = np.asarray(np.isfinite(points).all(1))
    return [(start, end) for start, end in LINES if known[start] and known[end]]
