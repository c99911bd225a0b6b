"""The forms that tools give a lens in: ROS files and topics, OpenCV, Kalibr, Pose2Sim, nested lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import yaml_file
from calibration.lens.rays import Camera
from engines.errors import UserError

_WIDTH, _HEIGHT = ("image_width", "width"), ("image_height", "height")
_SIZE = ("image_size", "resolution", "size", "img_size")  # [width, height]
_MATRIX = ("camera_matrix", "cameraMatrix", "K", "k", "matrix", "intrinsic_matrix", "mtx")
_FOUR = "intrinsics"  # Kalibr: fx, fy, cx, cy
_DIST = ("distortion_coefficients", "distortion_coeffs", "dist_coeffs", "dist_coeff", "distCoeffs", "distortions", "D",
         "d", "dist")  # fmt: skip
_OF_LENS = ("camera_model", "lens_model", "projection_model", "model_type", "model")
_FLAGS = ("fisheye", "fisheye_model", "is_fisheye")
_PINHOLE = ("plumb_bob", "rational_polynomial", "thin_prism", "radtan", "radial_tangential", "brown_conrady", "opencv",
            "pinhole", "perspective")  # fmt: skip
_FISHEYE = ("equidistant", "fisheye", "opencv_fisheye", "kannala_brandt", "kannala_brandt4",
            "kannalabrandt8", "equi")
_OTHERS = ("omni", "omnidirectional", "mei", "eucm", "ds", "double_sphere", "fov", "ocam", "scaramuzza", "division",
           "thin_prism_fisheye")  # fmt: skip
_MODELS = {**dict.fromkeys(_PINHOLE, "pinhole"), **dict.fromkeys(_FISHEYE, "fisheye")}
_SHOULD = ("it should be a ROS camera_info file, like 'realtime calibrate camera' writes, or of OpenCV, Kalibr, "
           "Pose2Sim or 'ros2 topic echo'")  # fmt: skip


def camera_of(content: Mapping[str, Any], path: Path) -> Camera:
    """The one camera of a calibration file's content, without identity. Raises UserError."""
    fields = _one_camera(content, path)
    try:
        image_wh = _size(fields)
        model = _model(fields, path)
        matrix, dist = _matrix(fields, path), _dist(fields, path, model)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} lacks or does not know {error}: {_SHOULD}") from error
    width, height = image_wh
    centre = matrix[:2, 2] if matrix.shape == (3, 3) else np.zeros(2)
    if (centre > image_wh).any() and (centre <= (height, width)).all():
        raise UserError(f"{path} says {width}x{height} pixels with the centre at ({centre[0]:.0f}, {centre[1]:.0f}): "
                        "its width and height are exchanged")  # fmt: skip
    return Camera(image_wh, matrix, dist, model)


def _one_camera(content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    if _is_lens(content):
        return content
    inside = {name: part for name, part in content.items() if isinstance(part, Mapping) and _is_lens(part)}
    if len(inside) > 1:
        raise UserError(f"{path} holds {len(inside)} cameras ({', '.join(map(str, inside))}): put the one that is used "
                        "into a file of its own")  # fmt: skip
    return next(iter(inside.values()), content)


def _is_lens(fields: Mapping[str, Any]) -> bool:
    return any(name in fields for name in (*_MATRIX, _FOUR))


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Raises KeyError with the usual name where none is there."""
    for name in names:
        if fields.get(name) is not None:
            return fields[name]
    raise KeyError(names[0])


def _size(fields: Mapping[str, Any]) -> tuple[int, int]:
    if any(name in fields for name in (*_WIDTH, *_HEIGHT)):
        return int(_first(fields, _WIDTH)), int(_first(fields, _HEIGHT))
    pair = next((fields[name] for name in _SIZE if name in fields), None)
    if pair is None:
        raise KeyError("image_width")
    width, height = np.array(pair, np.float64).ravel()
    return int(width), int(height)


def _matrix(fields: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    if isinstance(fields.get(_FOUR), list) and not any(name in fields for name in _MATRIX):
        numbers = np.array(fields[_FOUR], np.float64).ravel()
        if numbers.size != 4:
            raise ValueError(f"{_FOUR} of {numbers.size} numbers")
        fx, fy, cx, cy = numbers
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    matrix = yaml_file.read_matrix(_first(fields, _MATRIX), f"camera_matrix in {path}")
    return matrix.reshape(3, 3) if matrix.size == 9 else matrix


def _dist(fields: Mapping[str, Any], path: Path, model: str) -> NDArray[np.float64]:
    if not any(name in fields for name in _DIST) and str(fields.get("distortion_model")) == "none":
        return np.zeros(4 if model == "fisheye" else 0)
    dist = yaml_file.read_matrix(_first(fields, _DIST), f"distortion_coefficients in {path}").ravel()
    if model == "fisheye" and dist.size != 4 and not dist[4:].any():
        return np.concatenate([dist[:4], np.zeros(max(0, 4 - dist.size))])
    return np.concatenate([dist, np.zeros(2)]) if dist.size == 2 else dist  # k1 k2 alone


def _model(fields: Mapping[str, Any], path: Path) -> str:
    """Kalibr calls a lens a pinhole whose distortion is a fisheye's; otherwise what is said must agree."""
    bent = _known(fields.get("distortion_model"))
    words = [fields.get(name) for name in _OF_LENS]
    lens = [_known(word) for word in words if _name(word) in (*_MODELS, *_OTHERS)]  # others are cameras' names
    lens += ["fisheye"] * any(fields.get(name) not in (None, False, 0, "0", "false") for name in _FLAGS)
    if bent == "pinhole" and "fisheye" in lens:
        raise UserError(f"{path} calls its lens a fisheye and its distortion {fields['distortion_model']}: remove the "
                        "line that is wrong")  # fmt: skip
    return bent or ("fisheye" if "fisheye" in lens else "pinhole")


def _known(said: Any) -> str:
    """Raises KeyError for a model that we do not know; "" where nothing is said."""
    name = _name(said)
    return "" if name in ("", "none") else _MODELS[name]


def _name(said: Any) -> str:
    return "" if said is None else str(said).strip().lower().replace("-", "_").replace(" ", "_")
