"""Clocks that lie apart, found from what a person did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room import cameras_round, wandering, watched

from calibration.cameras.time_offsets import (
    Offset,
    apart_m,
    offset_by_rays,
    offset_by_way,
    offsets_by_rays,
    offsets_of,
)
from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera

FRAME_S = 1 / 30


def seen_by(camera: PlacedCamera, seed: int, offset_s: float, noise_seed: int | None, begins_s: float = 0.0) -> Watched:
    """Ten seconds; the camera's clock is behind by `offset_s`."""
    t_s = begins_s + np.arange(0, 10, FRAME_S)
    seen = watched(camera, wandering(t_s, seed), t_s, noise_seed)
    return Watched(t_s - offset_s, seen.rays, seen.score, seen.joints_m)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), offset_s=st.floats(-0.4, 0.4))
def test_rays_find_an_offset_to_a_fraction_of_a_frame(seed: int, offset_s: float) -> None:
    first, second = cameras_round(2, spread_deg=180)
    pair = seen_by(first, seed, 0.0, 1), seen_by(second, seed, offset_s, 2, begins_s=0.011)
    found = offset_by_rays((first, second), pair, reach_s=0.6)
    assert found is not None
    assert abs(found.seconds - offset_s) < FRAME_S / 4
    assert abs(found.seconds - offset_s) < 5 * found.sigma_s + 0.002


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), offset_s=st.floats(-1.5, 1.5))
def test_the_way_finds_it_without_knowing_where_cameras_stand(seed: int, offset_s: float) -> None:
    first, second = cameras_round(2)
    found = offset_by_way(seen_by(first, seed, 0.0, 1), seen_by(second, seed, offset_s, 2), reach_s=2.0)
    assert found is not None
    assert abs(found.seconds - offset_s) < FRAME_S


def test_four_cameras_agree_on_their_clocks() -> None:
    cameras, offsets_s = cameras_round(4), [0.0, 0.25, -0.12, 0.04]
    both = enumerate(zip(cameras, offsets_s, strict=True))
    views = [seen_by(camera, 3, offset, number) for number, (camera, offset) in both]
    found = offsets_by_rays(cameras, views)
    np.testing.assert_allclose([one.seconds for one in found if one], offsets_s, atol=0.005)


def test_nobody_knows_the_clock_of_a_camera_that_saw_nothing_at_the_same_time() -> None:
    first, second = cameras_round(2)
    late = seen_by(second, 0, -60.0, 1)
    assert offset_by_rays((first, second), (seen_by(first, 0, 0.0, 1), late)) is None
    assert offset_by_way(seen_by(first, 0, 0.0, 1), late, 2.0) is None


def test_an_offset_beyond_the_reach_is_not_invented() -> None:
    first, second = cameras_round(2, spread_deg=180)
    pair = seen_by(first, 5, 0.0, 1), seen_by(second, 5, 0.45, 2)
    found = offset_by_rays((first, second), pair, reach_s=0.1)
    assert found is None or abs(found.seconds) < 0.1


def test_pairs_make_one_clock_and_a_bad_pair_counts_little() -> None:
    pairs = {(0, 1): Offset(0.1, 0.001), (1, 2): Offset(0.1, 0.001), (0, 2): Offset(0.5, 0.1)}
    told = offsets_of(pairs, 4)
    assert told[0] == Offset(0.0, 0.0)
    assert told[1] is not None
    assert told[1].seconds == pytest.approx(0.1, abs=0.001)
    assert told[2] is not None
    assert told[2].seconds == pytest.approx(0.2, abs=0.001)
    assert told[3] is None


def test_rays_of_one_point_meet() -> None:
    first, second = cameras_round(2)
    points = wandering(np.arange(0, 1, 0.1))
    inside = [camera.to_camera(points) for camera in (first, second)]
    rays = tuple(one[..., :2] / one[..., 2:] for one in inside)
    assert np.nanmax(apart_m((first, second), (rays[0], rays[1]))) < 1e-9
    assert np.nanmedian(apart_m((first, second), (rays[0], rays[1] + np.array([0, 0.02])))) > 0.02
