"""Pixels to rays and back: the only place that knows a lens."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.errors import UserError

MODELS = ("pinhole", "fisheye")
ASPECT_TOLERANCE = 0.01
_SQUARE_TOLERANCE = 0.02  # of a measured lens; real pixels are square or at least a fifteenth off
_MAX_TAN = 12.0  # rays further than 85 degrees off the axis have no usable x/z, y/z
_ROUND_TRIP_PX = 0.05  # an inverse that does not come back this close is no inverse
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)
_ZERO = np.zeros(3)


def check_model(model: str) -> None:
    """Raises UserError for a lens model that is not known."""
    if model not in MODELS:
        raise UserError(f"unknown lens model {model!r}: use one of {', '.join(MODELS)}")


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A lens: image size, camera matrix and distortion, in OpenCV's conventions.

    `camera_matrix` (3, 3) px; `dist_coeffs` (n,): 0, 4, 5, 8, 12 or 14 for a pinhole (k1 k2 p1 p2 k3 ...),
    4 for a fisheye.
    `identity` names the calibration it came from; "" is an assumed lens.
    """

    image_wh: tuple[int, int]
    camera_matrix: NDArray[np.float64]
    dist_coeffs: NDArray[np.float64]
    model: str = "pinhole"
    identity: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "camera_matrix", np.array(self.camera_matrix, np.float64))
        object.__setattr__(self, "dist_coeffs", np.array(self.dist_coeffs, np.float64).reshape(-1))
        check_model(self.model)
        sizes = (4,) if self.model == "fisheye" else (0, 4, 5, 8, 12, 14)
        if self.camera_matrix.shape != (3, 3) or self.dist_coeffs.size not in sizes:
            raise UserError(f"a {self.model} lens has a 3x3 camera matrix and {sizes} distortion coefficients, got "
                            f"{self.camera_matrix.shape} and {self.dist_coeffs.size}: calibrate again")
        finite = np.isfinite(self.camera_matrix).all() and np.isfinite(self.dist_coeffs).all()
        if not finite or self.camera_matrix[0, 0] <= 0 or self.camera_matrix[1, 1] <= 0 or min(self.image_wh) <= 0:
            raise UserError("the camera's focal lengths and image size must be positive numbers: calibrate again")

    @classmethod
    def assumed(cls, image_wh: tuple[int, int], hfov_deg: float = 60.0) -> Camera:
        """A lens without distortion whose image's longer side spans `hfov_deg` (its width, in landscape)."""
        if not 5.0 <= hfov_deg <= 170.0:
            raise UserError(f"a field of view of {hfov_deg} degrees is not one of a camera: give 5 to 170")
        width, height = image_wh
        # Phones filmed upright have their sensor's long side vertical: the assumption is about the lens.
        focal = max(width, height) / 2 / math.tan(math.radians(hfov_deg) / 2)
        matrix = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return cls(image_wh, matrix, np.zeros(0))

    @property
    def focal_px(self) -> float:
        return float(math.sqrt(self.camera_matrix[0, 0] * self.camera_matrix[1, 1]))

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view, distortion included; NaN where the border sees past 85 degrees."""
        middle = self.camera_matrix[1, 2]
        left, right = self.rays(np.array([[-0.5, middle], [self.image_wh[0] - 0.5, middle]]))
        return math.degrees(math.atan(right[0]) - math.atan(left[0]))

    def scaled(self, image_wh: tuple[int, int]) -> Camera:
        """The same lens read at another resolution of the same aspect. Raises UserError for another aspect.

        One measured on pixels that are not square fits the same pictures with square pixels, which have another aspect.
        """
        if tuple(image_wh) == tuple(self.image_wh):
            return self
        (width, height), (new_width, new_height) = self.image_wh, image_wh
        change_of_aspect = new_width * height / (new_height * width)
        squareness = change_of_aspect * self.camera_matrix[0, 0] / self.camera_matrix[1, 1]  # of the new pixels
        if abs(change_of_aspect - 1) > ASPECT_TOLERANCE and abs(squareness - 1) > _SQUARE_TOLERANCE:
            raise UserError(f"the camera was calibrated at {width}x{height} and now gives {new_width}x{new_height}, "
                            "another aspect: calibrate at this resolution, or open it in the old one")
        sx, sy = new_width / width, new_height / height
        # Pixel centres are whole numbers, so the image's corner (-0.5) stays where it is.
        change = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        return Camera((new_width, new_height), change @ self.camera_matrix, self.dist_coeffs, self.model, self.identity)

    def turned(self, clockwise_deg: int) -> Camera:
        """The same lens behind pictures that were turned by 0, 90, 180 or 270 degrees, and its axes with them.

        Raises UserError for a lens whose matrix or distortion is tied to its sensor's rows.
        """
        camera = self
        for _ in range(clockwise_deg // 90 % 4):
            camera = camera._turned_once()
        return camera if camera is self or not self.identity else replace(
            camera, identity=f"{self.identity}+{clockwise_deg % 360}"
        )  # fmt: skip

    def _turned_once(self) -> Camera:
        """A quarter clockwise: right is what was up, down what was right."""
        k, dist = self.camera_matrix, self.dist_coeffs.copy()
        if k[0, 1] or (dist.size == 14 and dist[12:].any()):
            raise UserError("a lens with skew or a tilted sensor cannot be turned: calibrate with the turned pictures, "
                            "and leave out --rotate")
        if self.model == "pinhole" and dist.size >= 4:
            dist[2], dist[3] = dist[3], -dist[2]
        if dist.size >= 12:
            dist[8:12] = -dist[10], -dist[11], dist[8], dist[9]
        width, height = self.image_wh
        matrix = np.array([[k[1, 1], 0, height - 1 - k[1, 2]], [0, k[0, 0], k[0, 2]], [0, 0, 1]])
        return Camera((height, width), matrix, dist, self.model, self.identity)

    def rays(self, xy_px: ArrayLike) -> NDArray[np.float32]:
        """Pixels (..., 2) to undistorted normalised image coordinates x/z, y/z (..., 2); NaN stays NaN.

        A pixel that no ray of this lens can reach (outside of what its distortion model covers) is NaN too.
        """
        xy = np.asarray(xy_px, np.float64)
        if xy.size == 0:
            return np.zeros(xy.shape, np.float32)
        if self.model == "pinhole" and not self.dist_coeffs.any():
            k = self.camera_matrix
            out = (xy - k[:2, 2]) / k.diagonal()[:2]
            if k[0, 1]:
                out[..., 0] -= k[0, 1] / k[0, 0] * out[..., 1]
            return out.astype(np.float32)
        points = np.ascontiguousarray(xy.reshape(-1, 1, 2))
        if self.model == "fisheye":
            rays = cv2.fisheye.undistortPoints(points, self.camera_matrix, self.dist_coeffs, criteria=_STOP)
        else:
            rays = cv2.undistortPoints(points, self.camera_matrix, self.dist_coeffs, criteria=_STOP)
        rays = rays.reshape(-1, 2)
        rays[~(np.abs(rays).max(1) < _MAX_TAN)] = np.nan
        back = self._distort(np.concatenate([rays, np.ones((len(rays), 1))], 1))
        rays[~(np.abs(back - points[:, 0]).max(1) < _ROUND_TRIP_PX)] = np.nan
        return rays.reshape(xy.shape).astype(np.float32)

    def project(self, points_m: ArrayLike) -> NDArray[np.float64]:
        """Points in camera axes (..., 3) to pixels (..., 2); NaN behind the camera."""
        points = np.asarray(points_m, np.float64)
        flat = points.reshape(-1, 3).copy()
        if not len(flat):
            return np.zeros((*points.shape[:-1], 2))
        flat[~(flat[:, 2] > 1e-6)] = np.nan
        return self._distort(flat).reshape(*points.shape[:-1], 2)

    def _distort(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) to (n, 2) px."""
        if self.model == "fisheye":
            pixels = cv2.fisheye.projectPoints(points[:, None], _ZERO, _ZERO, self.camera_matrix, self.dist_coeffs)[0]
        else:
            pixels = cv2.projectPoints(points, _ZERO, _ZERO, self.camera_matrix, self.dist_coeffs)[0]
        return np.asarray(pixels, np.float64).reshape(-1, 2)
