"""A plain npz, for data of one's own: one recording a file.

Keys: `keypoints_px` (T, 17, 2), NaN where missing; `joints_m` (T, 17, 3) in camera axes (x right, y down, z forward);
`camera_matrix` (3, 3); and, where known, `score` (T, 17), `rate_hz` (30), `action`, `joints` (17,) bool. Lens
distortion is to be taken out of the keypoints beforehand.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import JOINTS
from engines.motion.importers.recordings import Recording
from engines.read_bounded import check_npz

KEYS = ("keypoints_px", "joints_m", "camera_matrix")


def recordings(path: Path) -> list[Recording]:
    """Raises UserError that names the key which is missing or of the wrong shape."""
    data = arrays(path)
    missing = [key for key in KEYS if key not in data]
    if missing:
        raise UserError(f"{path} has no {', '.join(missing)}: 'realtime evaluate --help' lists the keys of a plain npz")
    frames = len(data["joints_m"])
    score = data.get("score", np.ones((frames, JOINTS), np.float32))
    joints = data.get("joints", np.ones(JOINTS, bool))
    shapes = {
        "keypoints_px": (frames, JOINTS, 2), "joints_m": (frames, JOINTS, 3), "camera_matrix": (3, 3),
    }  # fmt: skip
    for key, shape in shapes.items():
        if data[key].shape != shape:
            raise UserError(f"{path}: {key} has the shape {data[key].shape}, not {shape}")
    if score.shape != (frames, JOINTS) or joints.shape != (JOINTS,):
        raise UserError(f"{path}: score must have the shape {(frames, JOINTS)} and joints {(JOINTS,)}")
    return [
        Recording(
            subject=path.stem, action=str(data.get("action", path.stem)), camera="0",
            keypoints_px=data["keypoints_px"].astype(np.float32), score=score.astype(np.float32),
            joints_m=data["joints_m"].astype(np.float32), camera_matrix=data["camera_matrix"].astype(np.float64),
            rate_hz=float(data.get("rate_hz", np.float64(30.0))), joints=joints.astype(bool),
        )
    ]  # fmt: skip


def names(path: Path) -> tuple[str, ...]:
    """The keys of an npz, its arrays unread."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return tuple(archive.files)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path} is not a plain npz of arrays: write it with numpy.savez") from error


def arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Every array of an npz; object arrays are refused."""
    check_npz(path)
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise UserError(f"no file {path}: give the path of an npz") from None
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path} is not a plain npz of arrays: write it with numpy.savez") from error
