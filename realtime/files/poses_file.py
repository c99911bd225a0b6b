"""Poses of `realtime lift`, an .npz: read again, and refused with the field's name where something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import JOINTS
from realtime.files.lift_file import LiftedFile

# T: the frames, as many in each. What is not here is one text or number.
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "joints_m": ("T", JOINTS, 3), "root_m": ("T", 3), "sigma_m": ("T", JOINTS), "window_fill": ("T",), "held": ("T",),
    "t_s": ("T",),
}  # fmt: skip


def read_poses(path: Path) -> LiftedFile:
    """The file as `write_lifted` got it. Raises UserError where it is none, or its times are not finite or fall."""
    fields = _load(path)
    missing = [name for name in LiftedFile.__slots__ if name not in fields]
    if missing:
        raise UserError(f"{path} holds no poses ({missing[0]} is missing): give an .npz that 'realtime lift' wrote")
    frames = len(fields["t_s"]) if fields["t_s"].ndim else 0
    for name, value in fields.items():
        shape = tuple(frames if size == "T" else size for size in _SHAPES.get(name, ()))
        if value.shape != shape:
            raise UserError(f"{path}: {name} has shape {value.shape}, expected {shape}: lift the keypoints again")
        if name in _SHAPES and value.dtype.kind not in "fiub":
            raise UserError(f"{path}: {name} holds {value.dtype}, not numbers: lift the keypoints again")
    times = fields["t_s"]
    if not frames or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise UserError(f"{path}: t_s is empty, not finite or runs backwards: lift the keypoints again")
    scalars = {name: value.item() for name, value in fields.items() if name not in _SHAPES}
    return LiftedFile(**{**fields, **scalars})


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:  # numpy leaves it open where the archive is broken
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one bare array")
            return {name: np.asarray(archive[name]) for name in archive.files if name in LiftedFile.__slots__}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give an .npz that 'realtime lift' wrote") from None
    except Exception as error:  # zip, zlib, NumPy and its parser of headers each have several exceptions of their own
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise UserError(f"{path} is not a readable .npz{reason}: give one that 'realtime lift' wrote") from error
