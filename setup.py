"""What pyproject.toml cannot say: with REALTIME_COMPILE=1 the arithmetic of joints is compiled to C, by mypyc.

The modules stay what they are, Python that runs without it, and give the same bits. `make compiled` does it.
"""

from __future__ import annotations

import os

from setuptools import setup

COMPILED = [
    "engines/models/known.py", "engines/models/normalise.py", "engines/models/view.py", "engines/models/wobble.py",
    "engines/keypoints/clean.py", "engines/keypoints/outliers.py", "engines/keypoints/sides.py",
    "calibration/person/body.py", "calibration/person/bones.py", "calibration/person/depths.py",
    "calibration/person/jitter.py", "calibration/person/joining.py", "calibration/person/on_rays.py",
    "calibration/person/misfit.py", "calibration/person/plain.py", "calibration/person/resting_feet.py",
    "calibration/person/root.py", "calibration/person/root_filter.py",
]  # fmt: skip

extensions = []
if os.environ.get("REALTIME_COMPILE") == "1":
    from mypyc.build import mypycify

    extensions = mypycify(COMPILED, opt_level="3")
setup(ext_modules=extensions)
