"""Messages as a subscriber gets them, made without a socket."""

from __future__ import annotations

import numpy as np

from realtime.wire.messages import PersonPose, PoseMessage

ONES = np.ones(17, np.float32)
CAPTURED_NS = 10**18


def person(number: int = 1, root_m: tuple[float, float, float] = (3.0, 0.0, 4.0), *, held: bool = False) -> PersonPose:
    return PersonPose(number, np.zeros((17, 3), np.float32), np.array(root_m, np.float32), ONES * 0.02, ONES, 0, 0.5,
                      held, (3, 6), 0.1)  # fmt: skip


def message(
    *persons: PersonPose, latency_ms: int = 40, gap: int = 0, new_session: bool = False, space: str = "camera"
) -> PoseMessage:
    return PoseMessage("main", "s", 0, 0, CAPTURED_NS, CAPTURED_NS + latency_ms * 1_000_000, (640, 480), space,
                       "assumed", "h36m-17", "", "e", "m", 0, 5, persons, gap=gap,
                       new_session=new_session)  # fmt: skip
