"""Recorded keypoints of one person, an .npz: read, and refused with the field's name where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.lens.rays import Camera
from engines.errors import UserError
from engines.models.skeleton import JOINTS
from engines.read_bounded import check_npz
from realtime.contracts import Array

_FIELDS = ("keypoints_px", "scores", "fps", "t_s", "image_wh", "camera_matrix", "dist_coeffs")
_MAX_PX = 1e6  # no picture is as large; beyond, a square is no longer a float32
_MAX_SPAN_S = 1e9  # thirty years: longer ones are in other units


@dataclass(frozen=True, slots=True, eq=False)
class KeypointsFile:
    keypoints_px: Array  # (T, 17, 2), NaN where missing
    scores: Array  # (T, 17), 0 where missing
    t_s: NDArray[np.float64]  # (T,), never falling
    camera: Camera


def read_keypoints(path: Path) -> KeypointsFile:
    """`keypoints_px (T, 17, 2)`, `t_s (T,)` or `fps`, `image_wh (2,)`;
    optional `scores (T, 17)`, `camera_matrix (3, 3)` and `dist_coeffs`. Raises UserError that names the field."""
    fields = _load(path)
    keypoints = _numbers(fields, path, "keypoints_px", (None, JOINTS, 2))
    if not len(keypoints):
        raise UserError(f"{path}: keypoints_px is empty: record at least one frame")
    if np.isinf(keypoints).any():
        raise UserError(f"{path}: keypoints_px has infinities: write NaN for a missing joint")
    if (np.abs(keypoints) > _MAX_PX).any():
        raise UserError(f"{path}: keypoints_px has places beyond {_MAX_PX:g} pixels: write NaN for a missing joint")
    scores = np.ones(keypoints.shape[:2])
    if "scores" in fields:
        scores = _numbers(fields, path, "scores", keypoints.shape[:2])
        if (scores < 0).any() or (scores > 1).any():
            raise UserError(f"{path}: scores has values outside 0 to 1: write 0 for a missing joint, 1 for a sure one")
        scores = np.nan_to_num(scores)
    scores = np.where(np.isfinite(keypoints).all(-1), scores, 0)
    times = _times(fields, path, len(keypoints))
    return KeypointsFile(keypoints.astype(np.float32), scores.astype(np.float32), times, _camera(fields, path))


def _load(path: Path) -> Mapping[str, NDArray[Any]]:
    check_npz(path)
    try:
        with path.open("rb") as file:  # numpy leaves it open where the archive is broken
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise UserError(f"{path} is one bare array: give an .npz with keypoints_px, fps and image_wh")
            return {name: _array(archive, name) for name in archive.files if name in _FIELDS}
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give an .npz with keypoints_px, fps and image_wh") from None
    except Exception as error:  # zip, zlib, NumPy and its parser of headers each have several exceptions of their own
        # numpy's own words advise to unpickle what is in the file: they are not repeated
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise UserError(f"{path} is not a readable .npz of plain arrays{reason}: write it with numpy.savez") from error


def _array(archive: np.lib.npyio.NpzFile, name: str) -> NDArray[Any]:
    value = archive[name]
    if not isinstance(value, np.ndarray):  # NumPy gives what is not in its format as bytes
        raise ValueError(f"{name} is no array")
    return value


def _numbers(fields: Mapping[str, NDArray[Any]], path: Path, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    if name not in fields:
        raise UserError(f"{path}: {name} is missing: it has shape {_shown(shape)}")
    value = fields[name]
    if value.dtype.kind not in "fiu":
        raise UserError(f"{path}: {name} holds {value.dtype}, not numbers")
    fits = value.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, value.shape, strict=True))
    if not fits:
        raise UserError(f"{path}: {name} has shape {value.shape}, expected {_shown(shape)}")
    return value.astype(np.float64)


def _shown(shape: tuple[int | None, ...]) -> str:
    return str(tuple("T" if size is None else size for size in shape)).replace("'T'", "T")


def _times(fields: Mapping[str, NDArray[Any]], path: Path, frames: int) -> NDArray[np.float64]:
    if "t_s" in fields:
        times = _numbers(fields, path, "t_s", (frames,))
        if not np.isfinite(times).all():
            raise UserError(f"{path}: t_s has values that are not finite: give the time of every frame in seconds")
        backwards = np.flatnonzero(np.diff(times) < 0)
        if len(backwards):
            raise UserError(f"{path}: t_s runs backwards after frame {backwards[0]}: sort the frames by time")
        span_s = float(times[-1]) - float(times[0])
        if span_s > _MAX_SPAN_S:
            raise UserError(f"{path}: t_s spans {span_s:g} seconds: divide what is not yet in seconds")
        return times
    if "fps" not in fields:
        raise UserError(f"{path}: fps or t_s is missing: give the frame rate, or the time of every frame in seconds")
    fps = _numbers(fields, path, "fps", fields["fps"].shape)
    if fps.size != 1 or not np.isfinite(fps).all() or fps.item() <= 0:
        raise UserError(f"{path}: fps must be one positive number, got {fields['fps']}")
    if frames / fps.item() > _MAX_SPAN_S:
        raise UserError(f"{path}: fps of {fps.item():g} makes the recording longer than {_MAX_SPAN_S:g} seconds: "
                        "give frames a second")  # fmt: skip
    return np.arange(frames) / float(fps.item())


def _camera(fields: Mapping[str, NDArray[Any]], path: Path) -> Camera:
    size = _numbers(fields, path, "image_wh", (2,))
    if not ((size >= 1) & (size <= _MAX_PX)).all():
        raise UserError(f"{path}: image_wh must be two numbers of 1 to {_MAX_PX:g}, got {fields['image_wh'].tolist()}")
    image_wh = (int(size[0]), int(size[1]))
    if "camera_matrix" not in fields:
        if "dist_coeffs" in fields:
            raise UserError(f"{path}: dist_coeffs without camera_matrix: give both or neither")
        return Camera.assumed(image_wh)
    matrix = _numbers(fields, path, "camera_matrix", (3, 3))
    bent = np.zeros(0)
    if "dist_coeffs" in fields:
        bent = _numbers(fields, path, "dist_coeffs", fields["dist_coeffs"].shape).ravel()
    try:
        return Camera(image_wh, matrix, bent)
    except UserError as error:
        raise UserError(f"{path}: camera_matrix or dist_coeffs: {error}") from error
