"""MPI-INF-3DHP: `annot.mat` of a training sequence and `annot_data.mat` of a test sequence (Mehta et al., 3DV 2017).

Both hold millimetres in camera axes and pixels; a camera's intrinsics follow from the two. Test poses are
`univ_annot3`, scaled to one body height: those of the published protocol.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError
from engines.models.skeleton import JOINTS
from engines.motion.importers.recordings import Double, Float, Recording, fit_intrinsics

# Joints of the 17 in the 28 of training and in the 17 of the test set (hip first, as everywhere here).
TRAIN_28_TO_17 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
TEST_17_TO_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
ACTIVITIES = (
    "standing and walking", "exercise", "sitting", "reaching and crouching", "on the floor", "sports", "other",
)  # fmt: skip
RATE_HZ = 25.0
FAST = {("1", "2"), ("3", "1"), ("3", "2"), ("5", "1"), ("5", "2")}  # sequences at 50 frames a second
SHORTEST = 15  # frames: shorter runs of valid frames are dropped


def is_sequence(path: Path) -> bool:
    return path.suffix == ".mat"


def recordings(path: Path) -> list[Recording]:
    """Every camera of a training sequence, or the valid runs of a test one. Raises UserError where it is neither."""
    try:
        return _test(path) if path.name == "annot_data.mat" else _training(path)
    except (KeyError, ValueError, IndexError, OSError) as error:
        raise UserError(f"{path} is not an annotation file of MPI-INF-3DHP ({error}): download it again") from error


def _training(path: Path) -> list[Recording]:
    from scipy.io import loadmat

    data = loadmat(path)
    sequence = re.search(r"S(\d+)[\\/]Seq(\d+)", str(path))
    subject, number = sequence.groups() if sequence else (path.parent.name, "")
    rate_hz = 2 * RATE_HZ if (subject, number) in FAST else RATE_HZ
    out = []
    for camera, (poses, points) in enumerate(zip(data["annot3"].ravel(), data["annot2"].ravel(), strict=True)):
        joints_m = poses.reshape(len(poses), -1, 3)[:, TRAIN_28_TO_17] / 1000
        pixels = points.reshape(len(points), -1, 2)[:, TRAIN_28_TO_17]
        out.append(_recording(f"S{subject}", f"Seq{number}", str(camera), joints_m, pixels, rate_hz))
    return out


def _test(path: Path) -> list[Recording]:
    data = _read_hdf5(path)
    frames = len(data["annot2"])
    joints_m = data["univ_annot3"].reshape(frames, JOINTS, 3)[:, TEST_17_TO_17] / 1000
    pixels = data["annot2"].reshape(frames, JOINTS, 2)[:, TEST_17_TO_17]
    activity = data["activity_annotation"].reshape(frames).astype(int)
    valid = data["valid_frame"].reshape(frames).astype(bool)
    if not valid.any():
        raise ValueError("no valid frame")
    matrix = fit_intrinsics(joints_m[valid].reshape(-1, 3), pixels[valid].reshape(-1, 2))
    change = np.flatnonzero((np.diff(activity) != 0) | (np.diff(valid.astype(int)) != 0)) + 1
    out = []
    for run in np.split(np.arange(frames), change):
        if valid[run[0]] and len(run) >= SHORTEST:
            action = ACTIVITIES[min(max(int(activity[run[0]]), 1), len(ACTIVITIES)) - 1]
            out.append(_recording(path.parent.name, action, "0", joints_m[run], pixels[run], RATE_HZ, matrix))
    return out


def _recording(
    subject: str, action: str, camera: str, joints_m: Double, pixels: Double, rate_hz: float,
    matrix: Double | None = None,
) -> Recording:
    points = np.asarray(joints_m, np.float64).reshape(-1, 3), np.asarray(pixels, np.float64).reshape(-1, 2)
    return Recording(
        subject=subject, action=action, camera=camera, keypoints_px=_float(pixels),
        score=np.ones(pixels.shape[:2], np.float32), joints_m=_float(joints_m),
        camera_matrix=fit_intrinsics(*points) if matrix is None else matrix, rate_hz=rate_hz,
        joints=np.ones(JOINTS, bool),
    )  # fmt: skip


def _float(values: Double) -> Float:
    return np.ascontiguousarray(values, np.float32)


def _read_hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise UserError(f"{path} is a MATLAB 7.3 file: pip install h5py") from error
    with h5py.File(path, "r") as file:
        names = ("annot2", "univ_annot3", "activity_annotation", "valid_frame")
        return {name: np.asarray(file[name]) for name in names}
