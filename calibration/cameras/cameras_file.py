"""Several cameras with lenses and places, in one file: ours (YAML), and calib.toml of Pose2Sim and others.

Each camera has the fields that Pose2Sim and OpenCV know: `rotation` (Rodrigues' vector, or a matrix) and `translation`
in metres, camera = R @ world + translation; camera axes are x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration import yaml_file
from calibration.lens.camera_forms import camera_of
from calibration.lens.placed import PlacedCamera
from calibration.lens.qualisys import read_qualisys
from engines.errors import UserError
from engines.read_bounded import read_bounded

Array64 = NDArray[np.float64]
SCALES = ("assumed", "height", "measured")
FLOORS = ("none", "estimated", "measured")
_ROTATION, _TRANSLATION = ("rotation", "rvec", "R"), ("translation", "tvec", "T", "t")
_AXES = ("camera = R(rotation) @ world + translation; camera: x right, y down, z forward; world: right-handed, z up, "
         "the floor at z = 0")  # fmt: skip
_AXES_OF_FIRST = ("camera = R(rotation) @ world + translation; camera: x right, y down, z forward; world: the axes of "
                  "the first camera")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Cameras:
    """Raises UserError for a name that comes twice."""

    placed: tuple[PlacedCamera, ...]
    scale: str = "measured"  # what the metres rest on: assumed | height | measured
    floor: str = "measured"  # what the world's axes rest on; none: they are the first camera's, whichever way is up
    identity: str = ""

    def __post_init__(self) -> None:
        names = [one.name for one in self.placed]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"there are two cameras named '{twice[0]}': give each a name of its own")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.placed)

    def named(self, name: str) -> PlacedCamera | None:
        return next((one for one in self.placed if one.name == name), None)


def save_cameras(path: Path, cameras: Cameras, evidence: Mapping[str, Any] | None = None) -> Cameras:
    """Writes the file; returns the cameras with the identity that loading it will give."""
    yaml_file.write(path, {
        "cameras_version": 1,
        "date": yaml_file.today(),
        "scale": cameras.scale,
        "floor": cameras.floor,
        "units": "m",
        "axes": _AXES_OF_FIRST if cameras.floor == "none" else _AXES,
        "evidence": dict(evidence or {}),
        "cameras": {one.name: _fields(one) for one in cameras.placed},
    })  # fmt: skip
    return load_cameras(path)


def load_cameras(path: Path) -> Cameras:
    """By the file's ending: .yaml or .yml, .toml, .qca.txt of Qualisys. Raises UserError."""
    if path.name.endswith(".qca.txt"):
        try:
            return Cameras(tuple(read_qualisys(read_bounded(path))))
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
    content, identity = yaml_file.read(path, "cameras")
    inside = content.get("cameras", content)
    if not isinstance(inside, Mapping):
        raise UserError(f"{path} has no cameras: make it with 'realtime calibrate cameras'")
    placed = tuple(_placed(str(name), fields, path) for name, fields in inside.items() if _is_placed(fields))
    if not placed:
        raise UserError(f"{path} has no camera with a rotation and a translation: make it with 'realtime calibrate "
                        "cameras'")  # fmt: skip
    scale, floor = str(content.get("scale", "measured")), str(content.get("floor", "measured"))
    if scale not in SCALES or floor not in FLOORS:
        raise UserError(f"{path} says scale {scale} and floor {floor}: scale is one of {', '.join(SCALES)}, floor one "
                        f"of {', '.join(FLOORS)}")  # fmt: skip
    return Cameras(placed, scale, floor, identity)


def _fields(one: PlacedCamera) -> dict[str, Any]:
    lens = one.camera
    turn = np.asarray(cv2.Rodrigues(one.rotation)[0], np.float64).ravel()
    return {
        "name": one.name,
        "size": [int(lens.image_wh[0]), int(lens.image_wh[1])],
        "matrix": lens.camera_matrix.tolist(),
        "distortions": lens.dist_coeffs.tolist() or [0.0, 0.0, 0.0, 0.0],
        "fisheye": lens.model == "fisheye",
        "rotation": turn.tolist(),
        "translation": one.shift_m.tolist(),
    }


def _is_placed(fields: Any) -> bool:
    return isinstance(fields, Mapping) and all(
        any(name in fields for name in names) for names in (_ROTATION, _TRANSLATION)
    )


def _placed(key: str, fields: Mapping[str, Any], path: Path) -> PlacedCamera:
    name = str(fields.get("name", key))
    turn, shift_m = (
        yaml_file.read_matrix(next(fields[one] for one in names if one in fields), f"{names[0]} of {name} in {path}")
        for names in (_ROTATION, _TRANSLATION)
    )
    if turn.size == 3:
        turn = np.asarray(cv2.Rodrigues(turn.reshape(3, 1))[0], np.float64)
    whole = turn.size == 9 and shift_m.size == 3 and np.isfinite(turn).all() and np.isfinite(shift_m).all()
    if not whole or not np.allclose(turn.reshape(3, 3) @ turn.reshape(3, 3).T, np.eye(3), atol=1e-4):
        raise UserError(f"{path}: {name} has no rotation (3 numbers of Rodrigues, or a matrix) and translation (3 "
                        "numbers, m): calibrate again")  # fmt: skip
    return PlacedCamera(name, camera_of(fields, path), turn.reshape(3, 3), shift_m.ravel())
