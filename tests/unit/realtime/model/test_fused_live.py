"""The figures of fused cameras, on a person who is known: made up, before four cameras."""

from __future__ import annotations

import numpy as np
import pytest
from room import LENS, cameras_round, wandering

from engines.lifting.load_lifter import load_lifter
from realtime.files.keypoints_file import KeypointsFile
from realtime.model.four_views import TRUTH, Watched
from realtime.model.fused_live import APART_S, fuse_live


def test_rows_of_all_pairs_and_of_all_cameras_and_clocks_that_are_found() -> None:
    cameras, t_s = cameras_round(4), np.arange(0, 6, 1 / 30)
    body = wandering(t_s, 4)
    views = []
    for number, camera in enumerate(cameras):
        noise = np.random.default_rng(number).normal(0, 1.0, (len(t_s), 17, 2))
        pixels = np.asarray(LENS.project(camera.to_camera(body)) + noise, np.float32)
        keypoints = KeypointsFile(pixels, np.full((len(t_s), 17), 0.95, np.float32), t_s, LENS)
        views.append(Watched(keypoints, np.zeros((len(t_s), 17, 3), np.float32)))
    with load_lifter("default") as lifter:
        rows, clocks = fuse_live(cameras, {TRUTH: views}, lifter)
    assert [row.cameras.count("+") for row in rows] == [1] * 6 + [3]
    assert all(row.known_mm < 70 and row.walked_mm < 90 for row in rows)
    assert rows[-1].known_mm < np.mean([row.known_mm for row in rows[:-1]])
    (clock,) = clocks
    assert clock.true_ms == tuple(1000 * one for one in APART_S[1:])
    for known, walked, true in zip(clock.places_known_ms, clock.places_from_walk_ms, clock.true_ms, strict=True):
        assert known == pytest.approx(true, abs=15)
        assert walked == pytest.approx(true, abs=33)  # a frame
