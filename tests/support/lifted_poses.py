"""Poses of one person as `realtime lift` writes them, for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from realtime.files.lift_file import write_poses
from realtime.library.poses import Poses


def lifted_poses(
    joints_m: Any, root_m: Any, sigma_m: Any, window_fill: Any, held: Any, t_s: Any, lag_frames: int = 0,
    model: str = "m", engine: str = "e", mode: str = "stream", space: str = "camera",
) -> Poses:  # fmt: skip
    frames = len(t_s)
    return Poses(
        joints_m, root_m, sigma_m, np.full(frames, np.nan, np.float32), window_fill, held,
        np.zeros((frames, 17), np.bool_), np.zeros(1, np.int64), t_s, np.full(frames, "assumed"), space, "", lag_frames,
        model, engine, mode,
    )  # fmt: skip


def write_lifted(poses: Poses, path: Path) -> None:
    write_poses(poses, path)
