"""A lens as a ROS `camera_info` file, which cv2.FileStorage reads too.

http://wiki.ros.org/camera_calibration_parsers
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration import yaml_file
from calibration.lens.camera_forms import camera_of
from calibration.lens.intrinsics import Calibration
from calibration.lens.rays import Camera

GUESS = "guess-"  # what the identity of a guessed lens begins with, so that every message says so
_TO_ROS = {4: "plumb_bob", 5: "plumb_bob", 8: "rational_polynomial"}


def save_camera(path: Path, camera: Camera, name: str, evidence: dict[str, Any] | None = None) -> Camera:
    """Writes the file; returns the camera with the identity that loading it will give."""
    dist = camera.dist_coeffs
    if camera.model == "pinhole" and dist.size in (0, 4):
        dist = np.concatenate([dist, np.zeros(5 - dist.size)])  # ROS wants five for plumb_bob
    ros_model = "equidistant" if camera.model == "fisheye" else _TO_ROS.get(dist.size, "thin_prism")
    projection = np.zeros((3, 4))
    projection[:, :3] = camera.camera_matrix
    yaml_file.write(path, {
        "image_width": int(camera.image_wh[0]),
        "image_height": int(camera.image_wh[1]),
        "camera_name": name,
        "camera_matrix": yaml_file.matrix(camera.camera_matrix),
        "distortion_model": ros_model,
        "distortion_coefficients": yaml_file.matrix(dist),
        "rectification_matrix": yaml_file.matrix(np.eye(3)),
        "projection_matrix": yaml_file.matrix(projection),
        "calibration": {"date": yaml_file.today(), **(evidence or {})},
    })
    return replace(camera, identity=load_camera(path).identity)


def evidence_of(calibration: Calibration) -> dict[str, Any]:
    """What the file says of how good the calibration is."""
    sigma = calibration.focal_sigma
    return {
        "source": "board",
        "board": str(calibration.board),
        "rms_px": round(calibration.rms_px, 4),
        "hfov_deg": _rounded(calibration.camera.hfov_deg),
        "focal_sigma_percent": _rounded(100 * sigma),
        "views": len(calibration.views),
        "view_names": [view.name for view in calibration.views],
        "view_rms_px": [round(error, 4) for error in calibration.view_rms_px],
        "rejected_views": list(calibration.rejected),
    }


def load_camera(path: Path) -> Camera:
    """A camera from a calibration file of ours or of another tool. Raises UserError where it is none."""
    content, identity = yaml_file.read(path, "camera")
    known = content.get("calibration")
    if isinstance(known, dict) and known.get("source") == "guess":
        identity = GUESS + identity
    return replace(camera_of(content, path), identity=identity)


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
