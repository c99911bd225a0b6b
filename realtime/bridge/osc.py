"""Plain OSC, for programs of sound, light and stage: joints as numbers.

`/realtime/people` ID ...: who is in view, each frame, first. Then for each person, in a bundle of their own,
`/realtime/ID/JOINT` x y z (metres; x right, y up, z towards the camera, in world axes x, z, -y) by the joint's name,
and `/realtime/ID/seen` 1, or 0 where the pose is only held over.
"""

from __future__ import annotations

import numpy as np

from engines.models.skeleton import JOINT_NAMES
from realtime.bridge.osc_out import Osc, OscOut
from realtime.rig.axes import to_y_up
from realtime.wire.messages import PoseMessage


class PlainOsc:
    """Sends everybody, or one `person` by id."""

    def __init__(self, out: OscOut, person: int | None = None) -> None:
        self._out, self._wanted = out, person

    def __call__(self, message: PoseMessage) -> None:
        people = [one for one in message.persons if self._wanted in (None, one.id) and np.isfinite(one.root_m).all()]
        self._out.send([Osc("/realtime/people", tuple(one.id for one in people))])
        for one in people:
            places = to_y_up(one.positions_m, message.space).tolist()
            self._out.send([
                Osc(f"/realtime/{one.id}/seen", (int(not one.held),)),
                *(Osc(f"/realtime/{one.id}/{name}", tuple(at)) for name, at in zip(JOINT_NAMES, places, strict=True)),
            ])  # fmt: skip
