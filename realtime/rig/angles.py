"""Joint angles as clinicians name them, in degrees, with the signs of the ISB (Wu et al. 2002 and 2005).

Segments have x forward, y up, z to the right, and turn in the order z (flexion), x (adduction), y (rotation), the
pelvis in the room in the order rotation, list, tilt. Flexion, adduction and internal rotation are positive on both
sides; so are a lean backward, one to the right and a turn to the left of pelvis and trunk. Straight knees and elbows
are at 0.

What 17 joints do not show is not here: the ankle, the wrist, forearm and shin about themselves, the pelvis apart from
the direction of the hips' line and of the lower spine. Rotations of hip and shoulder come from the plane of the bent
knee and elbow (see rotations.py) and are 0 where these are straight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.rig.nodes import INDEX
from realtime.rig.rotations import euler_zxy, node_rotations

Double = NDArray[np.float64]

# columns: a segment's axes (forward, up, right) in those of the figure's rest pose (left, up, forward)
_SEGMENT = np.array(((0, 0, -1), (0, 1, 0), (1, 0, 0)), np.float64)
# the same of the room in the axes of the joints: forward is away from the viewer, right is right in the picture
ROOM = np.array(((0, 0, 1), (0, 1, 0), (-1, 0, 0)), np.float64)
# from a hanging arm's axes to those of the rest pose's, by the side's sign
_HANGING = {1: ((0, 1, 0), (-1, 0, 0), (0, 0, 1)), -1: ((0, -1, 0), (1, 0, 0), (0, 0, 1))}
_SIDES = {"right": ("Right", 1, (1, 2, 3), (14, 15, 16)), "left": ("Left", -1, (4, 5, 6), (11, 12, 13))}
ANGLES: tuple[str, ...] = (
    "pelvis_tilt", "pelvis_list", "pelvis_rotation", "trunk_extension", "trunk_bending", "trunk_rotation",
    *(f"{side}_{name}" for side in _SIDES for name in (
        "hip_flexion", "hip_adduction", "hip_rotation", "knee_flexion",
        "shoulder_flexion", "shoulder_adduction", "shoulder_rotation", "elbow_flexion",
    )),
)  # fmt: skip


def joint_angles(joints_m: Double) -> dict[str, Double]:
    """Joints (..., 17, 3), y up -> name of `ANGLES` -> degrees (...,); NaN where a joint is.

    The pelvis is told against x forward, y up, z to the right of the axes given: forward is away from their viewer
    (-z), so that a person who looks at the camera is turned by 180 degrees.
    """
    flat = joints_m.reshape(-1, 17, 3)
    there = np.isfinite(flat).all((1, 2))
    out = {name: np.full(len(flat), np.nan) for name in ANGLES}
    for name, values in _known(flat[there]).items():
        out[name][there] = values
    return {name: values.reshape(joints_m.shape[:-2]) for name, values in out.items()}


def _known(joints: Double) -> dict[str, Double]:
    turned = node_rotations(joints)
    pelvis, trunk = (turned[:, INDEX[name]] @ _SEGMENT for name in ("Hips", "Spine1"))
    out = dict(zip(ANGLES[:3], _tilt_list_rotation(ROOM.T @ pelvis), strict=True))
    out |= zip(ANGLES[3:6], _flexion_adduction_rotation(_between(pelvis, trunk)), strict=True)
    for side, (prefix, sign, leg, arm) in _SIDES.items():
        thigh = turned[:, INDEX[f"{prefix}UpLeg"]] @ _SEGMENT
        upper_arm = turned[:, INDEX[f"{prefix}Arm"]] @ np.array(_HANGING[sign], np.float64) @ _SEGMENT
        for joint, above, below in (("hip", pelvis, thigh), ("shoulder", trunk, upper_arm)):
            flexion, adduction, rotation = _flexion_adduction_rotation(_between(above, below))
            out[f"{side}_{joint}_flexion"] = flexion
            out[f"{side}_{joint}_adduction"] = sign * adduction
            out[f"{side}_{joint}_rotation"] = sign * rotation
        out[f"{side}_knee_flexion"], out[f"{side}_elbow_flexion"] = _bend(joints, leg), _bend(joints, arm)
    return out


def pelvis_in_turn(joints_m: Double) -> tuple[Double, Double, Double]:
    """Tilt, list, rotation (N,) of finite joints (N, 17, 3) in this order, as OpenSim's models have them, degrees."""
    return _flexion_adduction_rotation(ROOM.T @ node_rotations(joints_m)[:, INDEX["Hips"]] @ _SEGMENT)


def _tilt_list_rotation(turned: Double) -> tuple[Double, Double, Double]:
    """Turns (N, 3, 3) as y, then x, then z: a lean is the person's own, wherever it faces (Baker 2001). Degrees."""
    tilt, obliquity = np.arctan2(turned[:, 1, 0], turned[:, 1, 1]), np.arcsin(np.clip(-turned[:, 1, 2], -1, 1))
    return np.degrees(tilt), np.degrees(obliquity), np.degrees(np.arctan2(turned[:, 0, 2], turned[:, 2, 2]))


def _flexion_adduction_rotation(turned: Double) -> tuple[Double, Double, Double]:
    """Turns (N, 3, 3) as z, then x, then y: degrees (N,)."""
    flexion, adduction, rotation = euler_zxy(turned)
    return np.degrees(flexion), np.degrees(adduction), np.degrees(rotation)


def _between(above: Double, below: Double) -> Double:
    return np.asarray(np.swapaxes(above, -1, -2) @ below)


def _bend(joints: Double, chain: tuple[int, int, int]) -> Double:
    upper, lower = joints[:, chain[1]] - joints[:, chain[0]], joints[:, chain[2]] - joints[:, chain[1]]
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(upper, lower), axis=-1), (upper * lower).sum(-1)))
