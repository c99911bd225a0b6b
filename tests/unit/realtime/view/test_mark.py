"""The camera that looked on, where it stands."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from calibration.floor.ground import from_angles
from realtime.contracts import CameraPlace
from realtime.view.scene.follow import upright
from realtime.view.scene.mark import frustum, mark

AXES = 4  # points of the world's axes


def test_the_frustum_has_the_pictures_shape() -> None:
    points, lines = frustum((640, 480))
    assert np.isclose(np.ptp(points[1:5, 0]) / np.ptp(points[1:5, 1]), 640 / 480)
    assert points[1:, 2].min() > 0  # forward
    assert points[5, 1] < points[1:5, 1].min()  # the roof is up
    assert lines.max() < len(points)


@given(st.floats(-40, 40), st.floats(-30, 30), st.floats(0.3, 4), st.floats(20, 110))
def test_in_the_world_it_stands_where_the_camera_is_and_sees_what_the_camera_sees(
    pitch_deg: float, roll_deg: float, height_m: float, hfov_deg: float
) -> None:
    ground = from_angles(height_m, pitch_deg, roll_deg)
    points, lines, colours = mark("world", (1280, 720), CameraPlace(hfov_deg, ground.rotation, height_m))
    assert np.allclose(points[0], 0)  # the axes' origin, on the floor below
    apex, upper_left = points[AXES], points[AXES + 1]
    assert np.allclose(apex, (0, height_m, 0))
    half = math.tan(math.radians(hfov_deg) / 2)
    at_corner = ground.to_world(5.0 * np.array((-half, -half * 720 / 1280, 1.0)))  # a point in the picture's corner
    towards = upright(at_corner, "world") - apex
    ray = upper_left - apex
    assert np.allclose(ray / np.linalg.norm(ray), towards / np.linalg.norm(towards), atol=1e-6)
    assert len(lines) == len(colours)
    assert lines.max() < len(points)


def test_in_camera_axes_it_is_at_the_origin_and_looks_away_from_the_viewer() -> None:
    points, _, _ = mark("camera", (640, 480), CameraPlace(60.0))
    assert np.allclose(points[0], 0)
    assert points[1:, 2].max() < 0
    assert np.array_equal(points, mark("camera", (640, 480), None)[0])  # 60 degrees where it is not known


def test_of_an_older_publishers_world_the_axes_alone_are_drawn() -> None:
    for camera in (None, CameraPlace(60.0)):
        points, lines, _ = mark("world", (640, 480), camera)
        assert len(points) == AXES
        assert len(lines) == 3


def test_a_lens_that_sees_everything_is_drawn_finite() -> None:
    for hfov_deg in (math.nan, 180.0, 359.0):
        assert np.isfinite(mark("camera", (640, 480), CameraPlace(hfov_deg))[0]).all()
