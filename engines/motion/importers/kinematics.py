"""Forward kinematics of a whole clip at once: local rotations and offsets in, joint positions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Double = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Node:
    """A joint: where it sits in its parent, and which of its channels move it."""

    name: str
    parent: str | None
    offset: Double  # (3,) in the parent's axes
    channels: tuple[str, ...] = ()
    axes: Double = field(default_factory=lambda: np.eye(3))  # the frame that its rotations are given in (ASF)


def positions(nodes: Sequence[Node], motion: Mapping[str, Double], tail: Mapping[str, Double]) -> dict[str, Double]:
    """World positions (T, 3) of every node, parents first in `nodes`.

    `motion[name]` is (T, channels): rotations in degrees, each about the axis that those before it have turned.
    `tail[name]` (3,), in the node's own axes, is where its bone ends: given as `NAME.end`.
    """
    frames = len(next(iter(motion.values())))
    turns: dict[str, Rotation] = {}
    out: dict[str, Double] = {}
    for node in nodes:
        local, moved = _local(node, motion.get(node.name), frames)
        if node.parent is None:
            turns[node.name], out[node.name] = local, node.offset + moved
        else:
            above = turns[node.parent]
            turns[node.name] = above * local
            out[node.name] = out[node.parent] + above.apply(node.offset + moved)
        if node.name in tail:
            out[node.name + ".end"] = out[node.name] + turns[node.name].apply(tail[node.name])
    return out


def _local(node: Node, values: Double | None, frames: int) -> tuple[Rotation, Double]:
    moved = np.zeros((frames, 3))
    if values is None:
        return Rotation.identity(frames), moved
    for column, channel in enumerate(node.channels):
        if channel.endswith("position"):
            moved[:, "XYZ".index(channel[0])] = values[:, column]
    turning = [(column, channel[0]) for column, channel in enumerate(node.channels) if channel.endswith("rotation")]
    if not turning:
        return Rotation.identity(frames), moved
    # capital letters: intrinsic turns, each about the axis that the ones before it have turned
    local = Rotation.from_euler("".join(axis for _, axis in turning), values[:, [c for c, _ in turning]], degrees=True)
    frame = Rotation.from_matrix(node.axes)
    return frame * local * frame.inv(), moved
