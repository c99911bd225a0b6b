"""A detector for films in which a camera's number and a frame's number are written in blocks: it says how the person of
the room (see room.py) is seen by that camera at that moment. For `--detector room_detector:RoomDetector`.

The folder that it runs in may hold `gone-N`: camera N can be opened no more.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from room import LENS, cameras_round, wandering

CAMERAS = 3
SEED = 4
FPS = 30.0
LATE_S = (0.0, 0.12, -0.08)  # camera N shows what was so much earlier than its film's time
IMAGE_WH = (320, 180)
_BITS, _BLOCK = 16, 20
_NOISE_PX = 0.25


def write_film(path: Path, camera: int, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, IMAGE_WH)
    assert writer.isOpened()
    for frame in range(frames):
        image = np.zeros((IMAGE_WH[1], IMAGE_WH[0], 3), np.uint8)
        for bit in range(_BITS):
            for row, number in ((0, frame), (2, camera)):
                image[row * _BLOCK : (row + 1) * _BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 * (number >> bit & 1)
        writer.write(image)
    writer.release()
    return path


def world_s(film_s: float, camera: int) -> float:
    """The moment of the room that a film shows at its own time."""
    return film_s - LATE_S[camera]


class RoomDetector:
    skeleton = "h36m17"

    def __init__(self) -> None:
        self._cameras = cameras_round(CAMERAS)
        self._lens = LENS.scaled(IMAGE_WH)
        self._noise = np.random.default_rng(os.getpid())
        self._camera: int | None = None

    def __call__(self, image_bgr: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        number, camera = (self._read(image_bgr, row) for row in (0, 2))
        if Path(f"gone-{camera}").exists():
            raise RuntimeError("this camera is gone")
        body = wandering(np.array([world_s(number / FPS, camera) + 10.0]), SEED)
        xy = self._lens.project(self._cameras[camera].to_camera(body)) + self._noise.normal(0, _NOISE_PX, (1, 17, 2))
        return xy.astype(np.float32), np.full((1, 17), 0.9, np.float32)

    @staticmethod
    def _read(image: NDArray[np.uint8], row: int) -> int:
        line = image[row * _BLOCK + _BLOCK // 2, _BLOCK // 2 :: _BLOCK, 1]
        return sum(int(value > 127) << bit for bit, value in enumerate(line[:_BITS].tolist()))
