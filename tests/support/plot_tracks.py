"""People to plot whose every number is known."""

from __future__ import annotations

import numpy as np
from view_walker import STANDING_M

from realtime.plot.recording import Track, track

RATE_HZ = 30


def walker(
    frames: int = 60, *, speed_m_s: float = 1.5, world: bool = False, held: slice = slice(0, 0), number: int = 1,
    placed: bool = True,
) -> Track:  # fmt: skip
    """Stands upright and glides to the right at one speed, ankles 0.1 m above the floor of the world."""
    t_s = np.arange(frames) / RATE_HZ
    root_m = np.zeros((frames, 3))
    root_m[:, 0] = speed_m_s * t_s
    root_m[:, 2] = 0.98 if world else 4.0
    joints_m = np.repeat(STANDING_M[None].astype(float), frames, 0)
    if world:  # z up
        joints_m = joints_m[..., [0, 2, 1]] * (1, 1, -1)
    if not placed:
        root_m[:] = np.nan
    away = np.zeros(frames, bool)
    away[held] = True
    sigma_m = np.full((frames, 17), 0.03)
    return track(number, f"person {number}", t_s, joints_m, root_m, sigma_m, np.full(frames, 0.2), away)
