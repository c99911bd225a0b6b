"""Feet and hands as lines: from the right joints, and none where an end is not known."""

from __future__ import annotations

import numpy as np
import pytest

from engines.models.skeleton import FEET, HANDS, JOINT_NAMES, JOINTS
from realtime.rig.extremities import LINES, NAMES, ON, POINTS, known_lines, points_of

JOINTS_M = np.arange(JOINTS * 3, dtype=np.float32).reshape(JOINTS, 3)
FEET_M, HANDS_M = 100 + JOINTS_M[:4], 200 + JOINTS_M[:6]


def test_every_line_stays_on_one_side_of_one_limb() -> None:
    for start, end in LINES:
        name = NAMES[end - JOINTS]
        side, limb = name.split("_")[0], "ankle" if name in FEET else "wrist"
        assert JOINT_NAMES[ON[end - JOINTS]] == f"{side}_{limb}"
        assert start == ON[end - JOINTS] or ON[start - JOINTS] == ON[end - JOINTS]
    assert {end for _, end in LINES} == set(range(JOINTS, POINTS)), "every point is drawn"


@pytest.mark.parametrize(("feet", "hands", "lines"), [(FEET_M, None, 6), (None, HANDS_M, 8), (FEET_M, HANDS_M, 14)])
def test_what_is_given_is_drawn(feet: np.ndarray | None, hands: np.ndarray | None, lines: int) -> None:
    points = points_of(JOINTS_M, feet, hands)
    assert points is not None
    assert len(known_lines(points)) == lines
    np.testing.assert_array_equal(points[:JOINTS], JOINTS_M)
    for first, own in ((JOINTS, feet), (JOINTS + len(FEET), hands)):
        if own is not None:
            np.testing.assert_array_equal(points[first : first + len(own)], own)
    assert points_of(JOINTS_M, None, None) is None


def test_a_knuckle_that_was_not_seen_takes_its_lines_with_it() -> None:
    hands = HANDS_M.copy()
    lost = HANDS.index("left_index")
    hands[lost] = np.nan
    points = points_of(JOINTS_M, FEET_M, hands)
    assert points is not None
    at = JOINTS + len(FEET) + lost
    assert known_lines(points) == [line for line in LINES if at not in line]
