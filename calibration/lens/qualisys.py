"""Cameras of a Qualisys calibration (.qca.txt, XML): lenses and where they stand."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera
from engines.errors import UserError

Array64 = NDArray[np.float64]
_SUBPIXELS = 64.0  # all lengths on the sensor are in 64ths of a pixel
_HALF_TURN = np.diag((1.0, -1.0, -1.0))  # its cameras look along -z with y up, ours along z with y down


def read_qualisys(content: bytes, image_wh: tuple[int, int] | None = None) -> list[PlacedCamera]:
    """By name. `image_wh`: of the pictures, where they are not of the size that the file says. Raises UserError."""
    try:
        cameras = [_camera(node, image_wh) for node in ElementTree.fromstring(content).findall("cameras/camera")]
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise UserError(f"this is no Qualisys calibration: {error}") from error
    return sorted(cameras, key=lambda placed: placed.name)


def _camera(node: ElementTree.Element, image_wh: tuple[int, int] | None) -> PlacedCamera:
    inside, window, place = (
        {name: _number(value) for name, value in _found(node, tag).attrib.items()}
        for tag in ("intrinsic", "fov_video", "transform")
    )
    size = image_wh or (int(window["right"] - window["left"]) + 1, int(window["bottom"] - window["top"]) + 1)
    matrix = np.array([
        [inside["focalLengthU"] / _SUBPIXELS, 0, inside["centerPointU"] / _SUBPIXELS - window["left"]],
        [0, inside["focalLengthV"] / _SUBPIXELS, inside["centerPointV"] / _SUBPIXELS - window["top"]],
        [0, 0, 1],
    ])  # fmt: skip
    distortion = np.array([
        inside[name] for name in ("radialDistortion1", "radialDistortion2", "tangentalDistortion1",
                                  "tangentalDistortion2")
    ]) / _SUBPIXELS  # fmt: skip
    to_world = np.array([[place[f"r{column}{row}"] for column in (1, 2, 3)] for row in (1, 2, 3)])
    stands_m = np.array([place["x"], place["y"], place["z"]]) / 1000
    rotation = _HALF_TURN @ to_world.T
    return PlacedCamera(str(node.attrib["serial"]), Camera(size, matrix, distortion), rotation, -rotation @ stands_m)


def _found(node: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = node.find(tag)
    if found is None:
        raise ValueError(f"a camera has no {tag}")
    return found


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")
