"""Rotations from joints: where each node of the figure is turned to, by one rule for every frame alone.

- The pelvis has its x along the line of the hips; the lower spine points to the spine joint, and the chest from there
  to the thorax with its x along the line of the shoulders (the lower spine's is midway between the two lines).
- Every other bone is swung from its parent's axes the shortest way to where it points.
- A bone's twist about itself is not seen in joints. Thighs and upper arms take it from the plane of the bent knee or
  elbow: all of it from 45 degrees of bend on, none below 10, in between by degrees. Neck and head have none.
- Hands turn with the forearm, and feet with the shin; where toes are known a foot is swung on to its toe, and where
  knuckles are a hand to the middle of those of the little and the index finger (to the one that is known).

A frame's rotations depend on that frame alone: live and recorded ones are the same. Where joints lie in one place or
in line, so that they point nowhere, a bone points as in the rest pose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.rig.nodes import INDEX, KNUCKLES, NODES, TIPS_M, TOES, Node

Double = NDArray[np.float64]

BEND_DEG = (10.0, 45.0)  # no twist below, all of it above
_TINY = 1e-9
_X, _Y = np.array((1.0, 0.0, 0.0)), np.array((0.0, 1.0, 0.0))
_KNEES, _FORWARD_DEG = ("RightUpLeg", "LeftUpLeg"), 30.0  # a knee that seems to bend forward by less keeps its thigh


def node_rotations(joints_m: Double, feet_m: Double | None = None, hands_m: Double | None = None) -> Double:
    """Joints (..., 17, 3), y up, finite -> rotations (..., 19, 3, 3) of the nodes from the rest pose, in these axes.

    `feet_m`: FEET (..., 4, 3), `hands_m`: HANDS (..., 6, 3), in the same axes, NaN where not known.
    """
    hips_line, shoulders_line = _along(joints_m, 1, 4, _X), _along(joints_m, 14, 11, _X)
    lower, upper = _along(joints_m, 0, 7, _Y), _along(joints_m, 7, 8, _Y)
    turned = np.empty((*joints_m.shape[:-2], len(NODES), 3, 3))
    for index, node in enumerate(NODES):
        if node.name == "Hips":
            turned[..., index, :, :] = _level(hips_line, lower)
        elif node.name == "Spine":
            turned[..., index, :, :] = _upright(lower, hips_line + shoulders_line)
        elif node.name == "Spine1":
            turned[..., index, :, :] = _upright(upper, shoulders_line)
        else:
            turned[..., index, :, :] = _swung(node, joints_m, turned[..., node.parent, :, :])
            if feet_m is not None and node.name in TOES:
                toe = feet_m[..., TOES[node.name], :] - joints_m[..., node.joint, :]
                turned[..., index, :, :] = _on_the_tip(turned[..., index, :, :], TIPS_M[node.name], toe)
            if hands_m is not None and node.name in KNUCKLES:
                palm = _palm(hands_m[..., KNUCKLES[node.name], :]) - joints_m[..., node.joint, :]
                turned[..., index, :, :] = _on_the_tip(turned[..., index, :, :], TIPS_M[node.name], palm)
    return turned


def local_rotations(turned: Double) -> Double:
    """Rotations (..., 19, 3, 3) of `node_rotations` -> each in its parent's axes; that of the hips stays."""
    local = turned.copy()
    for index, node in enumerate(NODES[1:], 1):
        local[..., index, :, :] = _transposed(turned[..., node.parent, :, :]) @ turned[..., index, :, :]
    return local


def node_offsets(joints_m: Double, turned: Double) -> Double:
    """Where each node sits in its parent's axes, (..., 19, 3) m; that of the hips is their place itself."""
    places = joints_m[..., [node.joint for node in NODES], :]
    offsets = places.copy()
    for index, node in enumerate(NODES[1:], 1):
        step = places[..., index, :] - places[..., node.parent, :]
        offsets[..., index, :] = (_transposed(turned[..., node.parent, :, :]) @ step[..., None])[..., 0]
    return offsets


def place_nodes(offsets_m: Double, local: Double) -> Double:
    """Forward kinematics: offsets (..., 19, 3) and local rotations (..., 19, 3, 3) -> places (..., 19, 3)."""
    turned, places = local.copy(), np.broadcast_to(offsets_m, local.shape[:-1]).copy()
    for index, node in enumerate(NODES[1:], 1):
        above = turned[..., node.parent, :, :]
        places[..., index, :] = places[..., node.parent, :] + (above @ places[..., index, :, None])[..., 0]
        turned[..., index, :, :] = above @ local[..., index, :, :]
    return places


def euler_zxy(turned: Double) -> tuple[Double, Double, Double]:
    """Rotations (..., 3, 3) as z, then x, then y, each about the axis that those before it have turned: radians.

    Where x is a right angle, z and y are about the same axis, and all of it is z.
    """
    x = np.arcsin(np.clip(turned[..., 2, 1], -1, 1))
    locked = np.abs(turned[..., 2, 1]) > 1 - 1e-12
    z = np.where(locked, np.arctan2(turned[..., 1, 0], turned[..., 0, 0]),
                 np.arctan2(-turned[..., 0, 1], turned[..., 1, 1]))  # fmt: skip
    return z, x, np.where(locked, 0.0, np.arctan2(-turned[..., 2, 0], turned[..., 2, 2]))


def quaternions(turned: Double) -> Double:
    """Rotations (..., 3, 3) -> unit quaternions (..., 4), x y z w."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_matrix(turned.reshape(-1, 3, 3)).as_quat()).reshape(*turned.shape[:-2], 4)


def head_length_m(joints_m: Double) -> Double:
    """(...,): of the bone that ends at the head's top."""
    return np.asarray(np.linalg.norm(joints_m[..., 10, :] - joints_m[..., 9, :], axis=-1))


def _swung(node: Node, joints_m: Double, above: Double) -> Double:
    """The parent's axes (..., 3, 3) turned the shortest way until the bone points to its end, then about the bone."""
    if node.end is None:
        return above
    rest = np.einsum("...ij,j->...i", above, np.array(node.rest))
    bone = _along(joints_m, node.joint, node.end, rest)
    swung = _shortest(rest, bone) @ above
    if node.hinge is None:
        return swung
    following = NODES[INDEX[node.name] + 1]
    assert following.end is not None
    return _about(bone, _twist(node, bone, _along(joints_m, following.joint, following.end, bone), swung)) @ swung


def _on_the_tip(with_limb: Double, rest_tip: Double, tip: Double) -> Double:
    """A foot that turns with its shin (..., 3, 3), or a hand with its forearm, swung the shortest way to its
    tip (..., 3), a toe or knuckles; left as it is where that is NaN."""
    rest = np.einsum("...ij,j->...i", with_limb, rest_tip / np.linalg.norm(rest_tip))
    return _shortest(rest, _unit(np.where(np.isfinite(tip), tip, 0), rest)) @ with_limb


def _palm(knuckles: Double) -> Double:
    """The middle (..., 3) of two knuckles (..., 2, 3), or the one that is not NaN; NaN where both are."""
    one, other = knuckles[..., 0, :], knuckles[..., 1, :]
    return np.asarray((np.where(np.isnan(one), other, one) + np.where(np.isnan(other), one, other)) / 2)


def _twist(node: Node, bone: Double, following: Double, swung: Double) -> Double:
    """(...,) radians about `bone` that bring the hinge's axis across the plane of the two bones."""
    across = _cross(bone, following)
    bend_deg = np.degrees(np.arctan2(np.linalg.norm(across, axis=-1), (bone * following).sum(-1)))
    share = np.clip((bend_deg - BEND_DEG[0]) / (BEND_DEG[1] - BEND_DEG[0]), 0, 1)
    hinge = np.einsum("...ij,j->...i", swung, np.array(node.hinge))
    angle = np.arctan2((_cross(hinge, across) * bone).sum(-1), (hinge * across).sum(-1))
    if node.name in _KNEES:
        angle = np.where(bend_deg < _FORWARD_DEG, (angle + np.pi / 2) % np.pi - np.pi / 2, angle)
    return np.asarray(share * share * (3 - 2 * share) * angle)


def _along(joints_m: Double, start: int, end: int, otherwise: Double) -> Double:
    return _unit(joints_m[..., end, :] - joints_m[..., start, :], otherwise)


def _unit(vectors: Double, otherwise: Double) -> Double:
    """Of length 1; `otherwise`, which is, where they have none."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.where(length > _TINY, vectors / np.maximum(length, _TINY), otherwise))


def _cross(one: Double, other: Double) -> Double:
    """As numpy.cross, which takes twice as long for a live frame's few numbers."""
    a, b, c, x, y, z = (vectors[..., axis] for vectors in (one, other) for axis in range(3))
    return np.stack((b * z - c * y, c * x - a * z, a * y - b * x), -1)


def _across(vectors: Double) -> Double:
    """Any unit vectors across these unit vectors."""
    across = _cross(vectors, np.eye(3)[np.abs(vectors).argmin(-1)])
    return np.asarray(across / np.linalg.norm(across, axis=-1, keepdims=True))


def _level(x: Double, about_y: Double) -> Double:
    """x as it is, y as near to `about_y` as it can be."""
    z = _unit(_cross(x, about_y), _across(x))
    return np.stack((x, _cross(z, x), z), -1)


def _upright(y: Double, about_x: Double) -> Double:
    z = _unit(_cross(about_x, y), _across(y))
    return np.stack((_cross(y, z), y, z), -1)


def _shortest(start: Double, end: Double) -> Double:
    """The turn of least angle between unit vectors (..., 3); of opposite ones, about any axis across."""
    axis, cosine = _cross(start, end), (start * end).sum(-1)
    sine = np.linalg.norm(axis, axis=-1)
    return _about(_unit(axis, _across(start)), np.arctan2(sine, cosine))


def _about(axis: Double, angle: Double) -> Double:
    """Rodrigues: turns by `angle` (...,) radians about unit vectors (..., 3)."""
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    zero = np.zeros_like(x)
    cross = np.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).reshape(*x.shape, 3, 3)
    sine, versine = np.sin(angle)[..., None, None], (1 - np.cos(angle))[..., None, None]
    return np.asarray(np.eye(3) + sine * cross + versine * (cross @ cross))


def _transposed(turned: Double) -> Double:
    return np.asarray(np.swapaxes(turned, -1, -2))
