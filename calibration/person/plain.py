"""One person's joints as plain numbers: tuples of floats, of which compiled code makes numbers of the processor's own.

For 17 joints NumPy's calls would take several times as long as the arithmetic, most of all right after a pause, when
little of it is in the processor's caches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ray = tuple[float, float]  # x/z, y/z
Point = tuple[float, float, float]  # metres
Real = NDArray[np.floating[Any]]


def points_of(joints_m: Real) -> list[Point]:
    """Of (17, 3)."""
    rows: list[list[float]] = joints_m.tolist()
    return [(row[0], row[1], row[2]) for row in rows]
