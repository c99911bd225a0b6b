"""A person's joints as the jointed figure that animation formats hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.export.recording import Track
from realtime.rig.axes import to_y_up
from realtime.rig.nodes import NODE_OF_JOINT, NODES
from realtime.rig.rotations import head_length_m, local_rotations, node_offsets, node_rotations, place_nodes

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A person as a jointed figure: `bones_m` (19, 3) are the rest pose's offsets, the others are for each frame."""

    bones_m: Double  # (19, 3) medians over the frames; the hips' own is 0
    offsets_m: Double  # (T, 19, 3) as they were; the hips' own is their place
    local: Double  # (T, 19, 3, 3) rotations in the parent's axes
    head_m: float  # of the bone that ends at the head's top
    error_m: Double  # (frames that are no gaps, 16): how far joints are off where bones keep their median lengths


def figure_of(track: Track, times_s: Double | None = None) -> Figure:
    """y up, at the track's own times or at others (T,).

    Between two frames, and over a gap, every node turns evenly and the hips move on a line: limbs keep their lengths.
    """
    there = ~track.gap
    joints = to_y_up(track.joints_m[there], track.space)
    feet = None if track.feet_m is None else to_y_up(track.feet_m[there], track.space)
    hands = None if track.hands_m is None else to_y_up(track.hands_m[there], track.space)
    turned = node_rotations(joints, feet, hands)
    offsets, local = node_offsets(joints, turned), local_rotations(turned)
    bones = np.median(offsets, 0)
    bones[0] = 0
    error = _off_when_rigid(joints, bones, local)
    if times_s is not None or not there.all():
        known_s = track.t_s[there]
        wanted_s = np.clip(track.t_s if times_s is None else times_s, known_s[0], known_s[-1])
        offsets, local = _moved(offsets, known_s, wanted_s), _turned(local, known_s, wanted_s)
    return Figure(bones, offsets, local, float(np.median(head_length_m(joints))), error)


def _off_when_rigid(joints: Double, bones: Double, local: Double) -> Double:
    rigid = np.repeat(bones[None], len(joints), 0)
    rigid[:, 0] = joints[:, 0]
    nodes, of_joints = zip(*((node, joint) for joint, node in NODE_OF_JOINT.items()), strict=True)
    return np.asarray(np.linalg.norm(place_nodes(rigid, local)[:, nodes] - joints[:, of_joints], axis=-1))


def _moved(offsets: Double, known_s: Double, times_s: Double) -> Double:
    flat = offsets.reshape(len(known_s), -1)
    columns = [np.interp(times_s, known_s, flat[:, column]) for column in range(flat.shape[1])]
    return np.stack(columns, 1).reshape(len(times_s), *offsets.shape[1:])


def _turned(local: Double, known_s: Double, times_s: Double) -> Double:
    from scipy.spatial.transform import Rotation, Slerp

    if len(known_s) == 1:
        return np.repeat(local, len(times_s), 0)
    nodes = [Slerp(known_s, Rotation.from_matrix(local[:, node]))(times_s).as_matrix() for node in range(len(NODES))]
    return np.stack(nodes, 1)
