"""Pictures that a known camera would take of a board: what tests and benchmarks calibrate from."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.lens.board import Board
from calibration.lens.board_print import draw_board
from calibration.lens.rays import Camera

_PX_PER_SQUARE = 80


class BoardRenderer:
    """Renders one board through one camera, distortion included; the camera's rays are worked out once."""

    def __init__(self, camera: Camera, board: Board) -> None:
        self.camera, self.board = camera, board
        picture = draw_board(board, _PX_PER_SQUARE)
        self._texture = cv2.copyMakeBorder(picture, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(235,))
        self._texture = cv2.copyMakeBorder(self._texture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(110,))
        width, height = camera.image_wh
        # Two by two samples a pixel; their mean is the pixel.
        x, y = np.meshgrid((np.arange(2 * width) + 0.5) / 2 - 0.5, (np.arange(2 * height) + 0.5) / 2 - 0.5)
        self._rays = np.concatenate([camera.rays(np.stack([x, y], -1)), np.ones((*x.shape, 1), np.float32)], -1)

    def render(self, rotation: ArrayLike, shift_m: ArrayLike, noise: float = 0.0, blur_px: float = 0.0,
               seed: int = 0) -> NDArray[np.uint8]:
        """The board at `rotation` (3, 3), its origin corner at `shift_m` (3,) in camera axes: (H, W) grey."""
        turn, shift = np.asarray(rotation, np.float64), np.asarray(shift_m, np.float64)
        onto = np.linalg.inv(np.stack([turn[:, 0], turn[:, 1], shift], 1)).astype(np.float32)  # rays to the board
        hit = self._rays @ onto.T
        with np.errstate(divide="ignore", invalid="ignore"):
            at = hit[..., :2] / hit[..., 2:] * np.float32(_PX_PER_SQUARE / self.board.square_m) + np.float32(61.5)
        at[~(hit[..., 2] > 0)] = -1e6  # behind the camera, or no ray
        at = np.nan_to_num(at, nan=-1e6).clip(-1e6, 1e6)
        fine = cv2.remap(self._texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=(110,))
        image = cv2.resize(fine, self.camera.image_wh, interpolation=cv2.INTER_AREA)
        if blur_px:
            image = cv2.GaussianBlur(image, (0, 0), blur_px)
        image = image.astype(np.float32) * 0.8 + 20 + np.random.default_rng(seed).normal(0, noise, image.shape)
        return np.asarray(image.clip(0, 255), np.uint8)


def board_poses(camera: Camera, board: Board, count: int, seed: int = 0, tilt_deg: float = 35.0,
                ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """`count` ways to hold the board so that the camera sees most of it: rotations (3, 3) and shifts (3,)."""
    rng = np.random.default_rng(seed)
    size = np.array([board.columns, board.rows]) * board.square_m
    focal, (width, height) = camera.focal_px, camera.image_wh
    poses = []
    for _ in range(count):
        tilt, spin = rng.uniform(-1, 1, 2) * np.radians(tilt_deg), rng.normal(0, 0.2)
        turn = cv2.Rodrigues(np.array([tilt[0], tilt[1], spin]))[0].astype(np.float64)
        depth = focal * size[0] / (width * rng.uniform(0.35, 0.75))
        reach = np.array([width, height]) / 2 / focal * depth - size * 0.35
        middle = np.array([*(rng.uniform(-1, 1, 2) * np.maximum(reach, 0)), depth])
        poses.append((turn, middle - turn @ np.array([*(size / 2), 0])))
    return poses
