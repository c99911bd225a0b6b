"""VMC, the protocol of avatar programs (VSeeFace, Warudo, VNyan, Unity, Blender): one person's bones, each frame.

https://protocol.vmc.info: OSC over UDP; Unity's axes (left-handed: x right, y up, z forward), metres, quaternions
x y z w in the parent bone's axes, from a T as rest pose. Somebody who looks at the camera looks along z.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from realtime.bridge.figure import in_y_up
from realtime.bridge.osc_out import Osc, OscOut
from realtime.clock import NS_PER_S
from realtime.rig.axes import to_y_up
from realtime.rig.nodes import NODES
from realtime.rig.rotations import local_rotations, node_offsets, node_rotations, quaternions
from realtime.wire.messages import PersonPose, PoseMessage

Double = NDArray[np.float64]

ANKLE_M = 0.08  # of somebody's ankle joint over the floor
BONES_A_PACKET = 10  # a packet stays under 1500 bytes, as the protocol asks
_ANKLES = (3, 6)
_POSITION, _QUATERNION = np.array((-1.0, 1.0, 1.0)), np.array((1.0, -1.0, -1.0, 1.0))  # x mirrored


class Vmc:
    """Sends one person: `person` by id, else whoever is followed already, else the first in the frame.

    In camera axes nobody knows the floor: the place where a person is first seen becomes the origin, the lower foot on
    the floor. In world axes the height stays as it is. A person who is not seen, or only held over, sends no bones.
    """

    def __init__(self, out: OscOut, person: int | None = None) -> None:
        self._out, self._wanted = out, person
        self._following: int | None = None
        self._session = ""
        self._start_m = np.zeros(3)
        self._at_ns: int | None = None  # capture of the message before
        self._seconds = 0.0

    def __call__(self, message: PoseMessage) -> None:
        if self._at_ns is not None:  # where the publisher's clock was set back time goes on all the same
            self._seconds += max(0, message.t_capture_ns - self._at_ns) / NS_PER_S
        self._at_ns = message.t_capture_ns
        head = [Osc("/VMC/Ext/OK", (1,)), Osc("/VMC/Ext/T", (self._seconds,))]
        person = self._chosen(message)
        if person is None:
            self._out.send(head)
            return
        if person.id != self._following or message.session != self._session:
            self._following, self._session = person.id, message.session
            self._start_m = start_of(to_y_up(person.positions_m, message.space), message.space)
        head.append(Osc("/VMC/Ext/Root/Pos", ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)))
        bones = list(bones_of(*in_y_up(person, message.space, self._start_m)))
        self._out.send(head + bones[:BONES_A_PACKET])
        self._out.send(bones[BONES_A_PACKET:])

    def _chosen(self, message: PoseMessage) -> PersonPose | None:
        seen = {one.id: one for one in message.persons if not one.held and np.isfinite(one.root_m).all()}
        if self._wanted is not None:
            return seen.get(self._wanted)
        held = {one.id for one in message.persons}
        if self._following in held and message.session == self._session:
            return seen.get(self._following) if self._following is not None else None
        return next(iter(seen.values()), None)


def start_of(joints_m: Double, space: str) -> Double:
    """Where the avatar's origin is in the joints' axes (17, 3), y up: under the hip, on the floor."""
    floor = 0.0 if space == "world" else float(joints_m[list(_ANKLES), 1].min()) - ANKLE_M
    return np.array((joints_m[0, 0], floor, joints_m[0, 2]))


def bones_of(joints_m: Double, feet_m: Double | None = None, hands_m: Double | None = None) -> Iterator[Osc]:
    """The bone messages of a pose (17, 3), and FEET (4, 3) and HANDS (6, 3) if known, y up, metres from the avatar's
    origin."""
    turned = node_rotations(joints_m, feet_m, hands_m)
    places = node_offsets(joints_m, turned) * _POSITION
    turns = quaternions(local_rotations(turned)) * _QUATERNION
    for node, place, turn in zip(NODES, places.tolist(), turns.tolist(), strict=True):
        yield Osc("/VMC/Ext/Bone/Pos", (node.humanoid, *place, *turn))
