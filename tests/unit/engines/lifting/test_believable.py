"""Scores that no detector gives."""

from __future__ import annotations

import numpy as np

from engines.lifting.load_lifter import load_lifter


def test_a_score_beyond_1_is_a_1_and_none_at_all_a_0() -> None:
    rng = np.random.default_rng(1)
    rays = rng.normal(0, 0.1, (5, 1, 17, 2)).astype(np.float32)
    with load_lifter("default", "onnxruntime") as lifter:
        one, other = lifter.open(), lifter.open()
        for index, ray in enumerate(rays):
            wild = np.full((1, 17), 1e9 if index == 2 else 1.0, np.float32)
            wild[0, 3] = np.nan
            tame = np.ones((1, 17), np.float32)
            tame[0, 3] = 0
            first = lifter.push([one], ray, wild).joints_m.copy()
            np.testing.assert_array_equal(first, lifter.push([other], ray, tame).joints_m)
