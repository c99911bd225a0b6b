"""Joints as markers, for biomechanics: C3D (z up, millimetres) and TRC (y up, millimetres).

The markers have the names of OpenPose and Pose2Sim, so that their OpenSim set-ups find them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from realtime.export.recording import Track
from realtime.rig.axes import to_y_up, to_z_up

Double = NDArray[np.float64]

MM = 1000.0
MARKERS: tuple[str, ...] = (
    "Hip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "Spine", "Thorax", "Neck", "Head",
    "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist",
)  # fmt: skip
OF_FEET: tuple[str, ...] = ("RHeel", "RBigToe", "LHeel", "LBigToe")  # where the recording has feet
OF_HANDS: tuple[str, ...] = ("RHandLittle", "RHandIndex", "RHandThumb", "LHandLittle", "LHandIndex", "LHandThumb")
MODELLED, GAP = 0.0, -1.0  # a C3D's residuals: not measured by cameras of its own; not there
C3D_FRAMES = 65_535  # the header counts them in 16 bits


def write_c3d(track: Track, rate_hz: float, path: Path) -> str:
    """Where nobody was seen a point's residual is -1 and its place 0.

    All other residuals are 0: the joints' errors have no place there that readers agree on (a byte, high or low).
    """
    import ezc3d

    if len(track.t_s) > C3D_FRAMES:
        raise UserError(f"a C3D holds {C3D_FRAMES} frames, not the {len(track.t_s)} of this: give a lower --rate")
    names, places = _markers(track)
    gap = np.asarray(np.isnan(places).any(-1))
    points = np.where(gap[..., None], 0, MM * to_z_up(places, track.space))
    residuals = np.where(gap, GAP, MODELLED)
    c3d = ezc3d.c3d()
    c3d["parameters"]["POINT"]["RATE"]["value"] = [rate_hz]
    c3d["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    c3d["parameters"]["POINT"]["LABELS"]["value"] = list(names)
    c3d.add_parameter("POINT", "X_SCREEN", "+X")
    c3d.add_parameter("POINT", "Y_SCREEN", "+Z")
    c3d.add_parameter("SUBJECTS", "USED", [1])
    c3d.add_parameter("SUBJECTS", "NAMES", [track.person])
    homogeneous = np.concatenate((points, np.ones((*gap.shape, 1))), -1)
    c3d["data"]["points"] = homogeneous.transpose(2, 1, 0)
    c3d["data"]["meta_points"]["residuals"] = residuals.T[None]
    c3d["data"]["meta_points"]["camera_masks"] = np.zeros((7, *gap.T.shape), bool)
    named = path.with_name(f"{path.name}.c3d")  # ezc3d puts the ending where it is not
    try:
        c3d.write(str(named))
        named.replace(path)
    finally:
        named.unlink(missing_ok=True)
    return f"{int(track.gap.sum())} of {len(places)} frames are gaps (residual -1)"


def write_trc(track: Track, rate_hz: float, path: Path, name: str) -> str:
    """Cells are empty where nobody was seen. `name`: what the file will be called, which its first line says."""
    names, places = _markers(track)
    places = MM * to_y_up(places, track.space)
    frames = len(places)
    rate = f"{rate_hz:.6g}"
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{len(names)}\tmm\t{rate}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{number}\tY{number}\tZ{number}" for number in range(1, len(names) + 1)),
        "",
    ]
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("\n".join(head) + "\n")
        for row, place in enumerate(places):
            cells = ("" if np.isnan(value) else f"{value:.4f}" for value in place.ravel())
            file.write("\t".join((str(row + 1), f"{row / rate_hz:.6f}", *cells)) + "\n")
    return f"{int(track.gap.sum())} of {frames} frames are gaps (empty cells)"


def _markers(track: Track) -> tuple[tuple[str, ...], Double]:
    """Names (N,) and places (T, N, 3), NaN in a gap: the joints, and feet and hands where there are any."""
    names, places = MARKERS, [np.where(track.gap[:, None, None], np.nan, track.joints_m)]
    for more, found in ((OF_FEET, track.feet_m), (OF_HANDS, track.hands_m)):
        if found is not None:
            names, places = (*names, *more), [*places, found]
    return names, np.concatenate(places, 1)
