"""A message's person as avatars and transforms want it: y up, feet and hands where they are sent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.rig.axes import to_y_up
from realtime.wire.messages import PersonPose

Double = NDArray[np.float64]
ORIGIN_M = np.zeros(3)


def in_y_up(
    person: PersonPose, space: str, start_m: Double = ORIGIN_M
) -> tuple[Double, Double | None, Double | None]:
    """Joints (17, 3), FEET (4, 3) and HANDS (6, 3), metres from `start_m`; None: not sent."""
    feet, hands = (
        None if about_hip_m is None else to_y_up(about_hip_m + person.root_m, space) - start_m
        for about_hip_m in (person.feet_m, person.hands_m)
    )
    return to_y_up(person.positions_m, space) - start_m, feet, hands
