"""People who walk on the spot, as messages: what a window is measured with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from realtime.wire.messages import PersonPose, PoseMessage

STEP_NS = 33_333_333
# Facing the camera, camera axes (x right, y down, z forward), relative to the hip.
_STANDING_M = np.array((
    (0, 0, 0), (-.13, 0, 0), (-.14, .44, 0), (-.14, .88, 0), (.13, 0, 0), (.14, .44, 0), (.14, .88, 0), (0, -.24, 0),
    (0, -.50, 0), (0, -.58, 0), (0, -.70, 0), (.17, -.46, 0), (.24, -.18, 0), (.27, .06, 0), (-.17, -.46, 0),
    (-.24, -.18, 0), (-.27, .06, 0)), np.float32)  # fmt: skip
_SWING_M = {3: .30, 6: -.30, 2: .15, 5: -.15, 13: .25, 16: -.25, 12: .12, 15: -.12}  # joint -> how far, fore and aft


@dataclass(frozen=True, slots=True)
class Stream:
    """What a window asks of a subscriber."""

    rate_hz: float = 30.0
    address: str = "nowhere"


def walkers(index: int, people: int) -> PoseMessage:
    """The message of one moment: people side by side who walk on the spot, each in a step of their own."""
    persons = []
    ones = np.ones(len(_STANDING_M), np.float32)
    for number in range(people):
        joints_m = _STANDING_M.copy()
        swing = np.sin(2 * np.pi * (index / 30 + number / max(1, people)))
        for joint, reach_m in _SWING_M.items():
            joints_m[joint, 2] += np.float32(reach_m * swing)
        root_m = np.array((1.2 * (number - (people - 1) / 2), 0.1, 4 + number % 2 / 2), np.float32)
        persons.append(PersonPose(number, joints_m, root_m, 0.03 * ones, ones, 0, 1.0, held=False))
    t_ns = index * STEP_NS
    return PoseMessage("main", "bench", index, index, t_ns, t_ns, (640, 480), "camera", "assumed", "h36m-17", "",
                       "none", "none", 0, 0, tuple(persons))  # fmt: skip
