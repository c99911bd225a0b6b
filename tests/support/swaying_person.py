"""Motion capture as the tests of training make it: a person who stands and sways."""

from __future__ import annotations

import numpy as np

from engines.motion.mocap import Bank

STANDING = np.float32([
    (0, 1, 0), (-0.1, 1, 0), (-0.1, 0.55, 0.02), (-0.1, 0.1, 0), (0.1, 1, 0), (0.1, 0.55, 0.02), (0.1, 0.1, 0),
    (0, 1.25, 0), (0, 1.45, 0), (0, 1.6, 0.02), (0, 1.7, 0),
    (0.15, 1.45, 0), (0.17, 1.17, 0), (0.18, 0.92, 0.02), (-0.15, 1.45, 0), (-0.17, 1.17, 0), (-0.18, 0.92, 0.02),
])  # fmt: skip


def swaying_bank() -> Bank:
    """Ten seconds, walking slowly along x."""
    t = np.arange(1200)[:, None, None] / 120
    sway = 0.05 * np.sin(2 * np.pi * 0.5 * t) * (STANDING[:, 1:2] - 1) * np.float32((1, 0, 0.5))
    return Bank.of({"99_01": (STANDING + sway + 0.3 * t * np.float32((1, 0, 0))).astype(np.float32)}, 120)
