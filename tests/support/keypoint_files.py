"""Files of recorded keypoints for the tests of `realtime lift`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from realtime.files.lift_file import LiftOptions, lift_file
from realtime.library.poses import Poses

SIZE = (640, 480)


# Somebody who faces the camera, centimetres right of and below the hip.
FIGURE = np.array([
    (0, 0), (-13, 0), (-14, 45), (-14, 88), (13, 0), (14, 45), (14, 88), (0, -25), (0, -50), (0, -60), (0, -71),
    (15, -48), (20, -20), (22, 5), (-15, -48), (-20, -20), (-22, 5),
])  # fmt: skip


def person(frames: int, fps: float = 30, seed: int = 0) -> dict[str, Any]:
    """A swaying figure in pixels, about 4 m away."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / fps
    sway = 8 * np.sin(t * rng.uniform(2, 5, (1, 17, 2)) + rng.uniform(0, 6, (1, 17, 2)))
    return {"keypoints_px": (FIGURE * 1.4 + (330, 230) + sway).astype(np.float32), "fps": fps, "image_wh": SIZE}


def run(fields: dict[str, Any], folder: Path, **options: Any) -> Poses:
    np.savez(folder / "in.npz", **fields)
    return lift_file(folder / "in.npz", folder / "out.npz", LiftOptions(**options), overwrite=True)
