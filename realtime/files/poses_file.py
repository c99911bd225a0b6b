"""Poses of `realtime lift`, an .npz: read again, and refused with the field's name where something is wrong."""

from __future__ import annotations

from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import FEET, HANDS, JOINTS
from realtime.library.poses import OF_EXTREMITIES, PERSONAL, Poses

# T: the frames, as many in each; P: people, an axis that files of one person lack. What is not here is one value.
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "joints_m": ("T", JOINTS, 3), "root_m": ("T", 3), "sigma_m": ("T", JOINTS), "root_sigma_m": ("T",),
    "window_fill": ("T",), "held": ("T",), "unseen": ("T", JOINTS), "t_s": ("T",), "ids": ("P",), "scale": ("T",),
    "feet_m": ("T", len(FEET), 3), "feet_sigma_m": ("T", len(FEET)),
    "hands_m": ("T", len(HANDS), 3), "hands_sigma_m": ("T", len(HANDS)),
}  # fmt: skip
_NAMES = tuple(field.name for field in fields_of(Poses))
_TEXTS = ("scale",)


def read_poses(path: Path) -> Poses:
    """The file as `write_poses` got it; what files of before lack is filled in. Raises UserError where it is none, or
    its times are not finite or fall."""
    fields = _load(path)
    if "held" in fields and "t_s" in fields:
        fields = _of_before(fields) | fields
    missing = [name for name in _NAMES if name not in fields and name not in OF_EXTREMITIES]
    if missing:
        raise UserError(f"{path} holds no poses ({missing[0]} is missing): give an .npz that 'realtime lift' wrote")
    frames = len(fields["t_s"]) if fields["t_s"].ndim else 0
    people = fields["ids"].size
    for name, value in fields.items():
        shape = tuple({"T": frames, "P": people}.get(str(size), size) for size in _SHAPES.get(name, ()))
        several = (frames, people, *shape[1:]) if name in PERSONAL and fields["held"].ndim == 2 else shape
        if value.shape != several:
            raise UserError(f"{path}: {name} has shape {value.shape}, expected {several}: lift the keypoints again")
        if name in _SHAPES and name not in _TEXTS and value.dtype.kind not in "fiub":
            raise UserError(f"{path}: {name} holds {value.dtype}, not numbers: lift the keypoints again")
    times = fields["t_s"]
    if not frames or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise UserError(f"{path}: t_s is empty, not finite or runs backwards: lift the keypoints again")
    scalars = {name: value.item() for name, value in fields.items() if name not in _SHAPES}
    return Poses(**{**fields, **scalars})


def _of_before(fields: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What a file of one person in camera axes does not say."""
    frames = fields["t_s"].size
    return {
        "root_sigma_m": np.full(frames, np.nan, np.float32), "unseen": np.zeros((frames, JOINTS), np.bool_),
        "ids": np.zeros(1, np.int64), "scale": np.full(frames, "assumed"), "space": np.array("camera"),
        "calibration": np.array(""), "offline": np.array(False),
    }  # fmt: skip


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:  # numpy leaves it open where the archive is broken
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one bare array")
            return {name: np.asarray(archive[name]) for name in archive.files if name in _NAMES}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give an .npz that 'realtime lift' wrote") from None
    except Exception as error:  # zip, zlib, NumPy and its parser of headers each have several exceptions of their own
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise UserError(f"{path} is not a readable .npz{reason}: give one that 'realtime lift' wrote") from error
