"""The paper model's input contract: pixel coordinates, x / width * 2 - 1 and y / width * 2 - height / width.

Rays are seen through a nominal pinhole of 60 degrees across the image's width, its optical axis at the centre.
"""

from __future__ import annotations

import math

NOMINAL_HFOV_DEG = 60.0
# x / width * 2 - 1 of the ray x / z under a pinhole: 2 * focal / width
RAY_TO_PAPER = 1 / math.tan(math.radians(NOMINAL_HFOV_DEG / 2))
