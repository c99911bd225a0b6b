"""The jointed figure that programs of animation know: 19 nodes on the 17 joints, and its rest pose.

The rest pose is a T: y up, the figure looks along +z, its left is +x, legs down, arms out to the sides, palms down.
Every bone is a node of its own, so that each can point where its two joints are: the spine and the shoulders turn
apart from the pelvis and the chest, and start at the same place as these (an offset of zero).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_X, _Y = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
_RIGHT, _DOWN = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """`joint`: where it sits. `end`: the joint that its bone points to, along `rest` in the rest pose; None: it has no
    bone, and turns with its parent. `hinge`: the axis about which the next bone bends, where it is a knee or elbow."""

    name: str  # as in Mixamo and MotionBuilder
    humanoid: str  # as in Unity, VRM and VMC
    parent: int
    joint: int
    end: int | None = None
    rest: Vector = _Y
    hinge: Vector | None = None


NODES: tuple[Node, ...] = (
    Node("Hips", "Hips", -1, 0),
    Node("RightUpLeg", "RightUpperLeg", 0, 1, 2, _DOWN, _X),
    Node("RightLeg", "RightLowerLeg", 1, 2, 3, _DOWN),
    Node("RightFoot", "RightFoot", 2, 3),
    Node("LeftUpLeg", "LeftUpperLeg", 0, 4, 5, _DOWN, _X),
    Node("LeftLeg", "LeftLowerLeg", 4, 5, 6, _DOWN),
    Node("LeftFoot", "LeftFoot", 5, 6),
    Node("Spine", "Spine", 0, 0, 7),
    Node("Spine1", "Chest", 7, 7, 8),
    Node("Neck", "Neck", 8, 8, 9),
    Node("Head", "Head", 9, 9, 10),
    Node("LeftShoulder", "LeftShoulder", 8, 8, 11, _X),
    Node("LeftArm", "LeftUpperArm", 11, 11, 12, _X, _DOWN),
    Node("LeftForeArm", "LeftLowerArm", 12, 12, 13, _X),
    Node("LeftHand", "LeftHand", 13, 13),
    Node("RightShoulder", "RightShoulder", 8, 8, 14, _RIGHT),
    Node("RightArm", "RightUpperArm", 15, 14, 15, _RIGHT, _Y),
    Node("RightForeArm", "RightLowerArm", 16, 15, 16, _RIGHT),
    Node("RightHand", "RightHand", 17, 16),
)
NAMES: tuple[str, ...] = tuple(node.name for node in NODES)
INDEX: dict[str, int] = {name: index for index, name in enumerate(NAMES)}
# joint -> the node that sits there; where two do, the first. None at the head's top: the head's bone ends there
NODE_OF_JOINT: dict[int, int] = {node.joint: index for index, node in reversed(list(enumerate(NODES)))}
TOES = {"RightFoot": 1, "LeftFoot": 3}  # where the toes of feet are among FEET (engines.models.skeleton)
KNUCKLES = {"RightHand": (0, 1), "LeftHand": (3, 4)}  # where those of little and index finger are among HANDS
# leaves end somewhere too: how far, in the rest pose, metres (feet forward, hands on along the arm)
TIPS_M: dict[str, NDArray[np.float64]] = {
    "RightFoot": np.array((0.0, -0.05, 0.15)), "LeftFoot": np.array((0.0, -0.05, 0.15)),
    "LeftHand": np.array((0.10, 0.0, 0.0)), "RightHand": np.array((-0.10, 0.0, 0.0)),
}  # fmt: skip
