"""A person's joints as the jointed figure that animation formats hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.export.even import filled
from realtime.export.recording import Track
from realtime.rig.axes import to_y_up
from realtime.rig.nodes import NODE_OF_JOINT
from realtime.rig.rotations import head_length_m, local_rotations, node_offsets, node_rotations, place_nodes

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A person as a jointed figure: `bones_m` (19, 3) are the rest pose's offsets, the others are for each frame."""

    root_m: Double  # (T, 3)
    bones_m: Double  # (19, 3) medians over the frames
    offsets_m: Double  # (T, 19, 3) as they were
    local: Double  # (T, 19, 3, 3) rotations in the parent's axes
    head_m: float  # of the bone that ends at the head's top
    error_m: Double  # (T, 16): how far joints are off when the bones keep their median lengths; without the head's top


def figure_of(track: Track) -> Figure:
    """Gaps are bridged; y up."""
    joints = to_y_up(filled(track).joints_m, track.space)
    turned = node_rotations(joints)
    offsets, local = node_offsets(joints, turned), local_rotations(turned)
    bones = np.median(offsets, 0)
    bones[0] = 0
    rigid = np.broadcast_to(bones, offsets.shape).copy()
    rigid[:, 0] = offsets[:, 0]
    nodes, of_joints = zip(*((node, joint) for joint, node in NODE_OF_JOINT.items()), strict=True)
    error = np.linalg.norm(place_nodes(rigid, local)[:, nodes] - joints[:, of_joints], axis=-1)
    return Figure(offsets[:, 0], bones, offsets, local, float(np.median(head_length_m(joints))), error)
