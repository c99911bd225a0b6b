"""OpenSim .mot: joint angles by the coordinates of the Rajagopal model, y up, degrees and metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.export.even import even_times
from realtime.export.recording import Track
from realtime.rig.angles import ROOM, joint_angles, pelvis_in_turn
from realtime.rig.axes import to_y_up

Double = NDArray[np.float64]

_TRUNK = {"lumbar_extension": "trunk_extension", "lumbar_bending": "trunk_bending", "lumbar_rotation": "trunk_rotation"}
_LIMBS = {
    "hip_flexion": "hip_flexion", "hip_adduction": "hip_adduction", "hip_rotation": "hip_rotation",
    "knee_angle": "knee_flexion", "arm_flex": "shoulder_flexion", "arm_add": "shoulder_adduction",
    "arm_rot": "shoulder_rotation", "elbow_flex": "elbow_flexion",
}  # fmt: skip


def coordinates(track: Track, times_s: Double) -> dict[str, Double]:
    """Name of a model's coordinate -> values (T,) at these times, without leaps of a whole turn.

    They change evenly between frames, and over gaps. The pelvis is placed by the midpoint of the hips, which is some
    centimetres behind and below the model's own origin.
    """
    there = ~track.gap
    joints = to_y_up(track.joints_m[there], track.space)
    angles = joint_angles(joints)
    turned = dict(zip(("pelvis_tilt", "pelvis_list", "pelvis_rotation"), pelvis_in_turn(joints), strict=True))
    turned |= {name: angles[own] for name, own in _TRUNK.items()}
    for side in ("right", "left"):
        turned |= {f"{name}_{side[0]}": angles[f"{side}_{own}"] for name, own in _LIMBS.items()}
    smooth = {name: np.degrees(np.unwrap(np.radians(values))) for name, values in turned.items()}
    smooth |= zip(("pelvis_tx", "pelvis_ty", "pelvis_tz"), (joints[:, 0] @ ROOM).T, strict=True)
    return {name: np.interp(times_s, track.t_s[there], values) for name, values in smooth.items()}


def write_mot(track: Track, rate_hz: float, path: Path) -> str:
    """A format without gaps: they are bridged."""
    columns = coordinates(track, even_times(track, rate_hz))
    rows = np.stack(list(columns.values()), 1)
    head = ["Coordinates", "version=1", f"nRows={len(rows)}", f"nColumns={len(columns) + 1}", "inDegrees=yes", "",
            "endheader", "time\t" + "\t".join(columns)]  # fmt: skip
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("\n".join(head) + "\n")
        for row, values in enumerate(rows):
            file.write("\t".join((f"{row / rate_hz:.6f}", *(f"{value:.6f}" for value in values))) + "\n")
    return "no ankle, subtalar, wrist and forearm coordinates: 17 joints do not show them"
