"""Motion as captured clips have it, (T, 17, 3) at 120 Hz, y up, of the made-up people of `walkers`."""

from __future__ import annotations

import numpy as np
from walkers import standing, walking

HZ = 120
_FAR_M = 1e5  # the circle is so wide that the walk is straight


def straight_walk(seconds: float = 4.0) -> np.ndarray:
    return _y_up([walking(index / HZ, -_FAR_M, 0.0, radius_m=_FAR_M) for index in range(round(seconds * HZ))])


def gesture(seconds: float = 4.0) -> np.ndarray:
    """Somebody who stands, and moves the arms."""
    frames = []
    for index in range(round(seconds * HZ)):
        body = standing(0.0, 0.0)
        body[[13, 16], 1] += 0.1 * np.sin(2 * np.pi * index / HZ)
        frames.append(body)
    return _y_up(frames)


def _y_up(frames: list[np.ndarray]) -> np.ndarray:
    x, y, z = np.moveaxis(np.stack(frames), -1, 0)
    return np.stack([x, z, -y], -1).astype(np.float32)
