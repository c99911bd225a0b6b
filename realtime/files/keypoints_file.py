"""Recorded keypoints in an .npz: read, and refused with the field's name where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.lens.rays import Camera
from engines.errors import UserError
from engines.models.source_skeletons import SourceSkeleton
from engines.read_bounded import check_npz
from realtime.contracts import Array
from realtime.library.given import numbers, picture_size
from realtime.library.recording import Names, Recording, recorded

_FIELDS = ("keypoints_px", "scores", "fps", "t_s", "image_wh", "ids", "camera_matrix", "dist_coeffs")


@dataclass(frozen=True, slots=True, eq=False)
class KeypointsFile:
    """Of one person, seen through a lens."""

    keypoints_px: Array  # (T, 17, 2), NaN where missing
    scores: Array  # (T, 17), 0 where missing
    t_s: NDArray[np.float64]  # (T,), never falling
    camera: Camera

    @property
    def recording(self) -> Recording:
        return Recording(self.keypoints_px[:, None], self.scores[:, None], self.t_s, self.camera.image_wh,
                         np.zeros(1, np.int64), alone=True)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """What a file of keypoints holds."""

    recording: Recording
    camera: Camera | None  # None: the file has none
    doubts: tuple[str, ...] = ()  # what looks wrong but can be lifted
    merge: bool = False  # one person at a time, whatever their numbers: poses have no axis of people


def read_keypoints(path: Path) -> KeypointsFile:
    """One person of an .npz, see `read_npz`, and their lens, an assumed one where it has none. Raises UserError."""
    read = read_npz(path)
    recording = read.recording
    if len(recording.ids) != 1:
        raise UserError(f"{path}: keypoints_px has {len(recording.ids)} people: give one, (T, joints, 2)")
    camera = read.camera or Camera.assumed(recording.image_wh)
    return KeypointsFile(recording.xy_px[:, 0], recording.score[:, 0], recording.t_s, camera)


def read_npz(path: Path, skeleton: SourceSkeleton | None = None) -> Keypoints:
    """`keypoints_px (T, N, 2)` or `(T, P, N, 2)`, `t_s (T,)` or `fps`, `image_wh (2,)`; optional `scores`, `ids (P,)`,
    `camera_matrix (3, 3)` and `dist_coeffs`. Raises UserError that names the field."""
    fields = _load(path)
    if "keypoints_px" not in fields:
        raise UserError(f"{path}: keypoints_px is missing: it has shape (T, joints, 2), in pixels")
    recording, doubts = recorded(
        fields["keypoints_px"], fields.get("scores"), fields.get("t_s"), fields.get("fps"), fields.get("image_wh"),
        skeleton, None if "ids" not in fields else fields["ids"].ravel().tolist(),
        Names("keypoints_px", "scores", "t_s", f"{path}: "),
    )  # fmt: skip
    return Keypoints(recording, _camera(fields, path, recording.image_wh), tuple(doubts))


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


def _camera(fields: Mapping[str, NDArray[Any]], path: Path, image_wh: tuple[int, int]) -> Camera | None:
    if "camera_matrix" not in fields:
        if "dist_coeffs" in fields:
            raise UserError(f"{path}: dist_coeffs without camera_matrix: give both or neither")
        return None
    try:
        matrix = numbers(fields["camera_matrix"], "camera_matrix")
        bent = numbers(fields.get("dist_coeffs", np.zeros(0)), "dist_coeffs")
        return Camera(picture_size(image_wh), matrix, bent.ravel())
    except UserError as error:
        raise UserError(f"{path}: camera_matrix or dist_coeffs: {error}") from error
