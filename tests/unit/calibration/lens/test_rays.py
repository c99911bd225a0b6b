from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lens.rays import Camera
from engines.errors import UserError


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    wide = draw(st.integers(160, 4000))
    high = draw(st.integers(120, 4000))
    longer = max(wide, high)
    focal = draw(st.floats(0.45, 3.0)) * longer
    matrix = np.array([
        [focal, draw(st.sampled_from([0.0, 0.01 * focal])), wide / 2 + draw(st.floats(-0.05, 0.05)) * wide],
        [0, focal * draw(st.floats(0.97, 1.03)), high / 2 + draw(st.floats(-0.05, 0.05)) * high],
        [0, 0, 1],
    ])
    if draw(st.booleans()):
        return Camera((wide, high), matrix * [[1, 0, 1], [1, 1, 1], [1, 1, 1]],
                      np.array([draw(st.floats(-0.05, 0.05)), draw(st.floats(-0.01, 0.01)), 0, 0]), "fisheye")
    k1, k2, p1, p2 = (draw(st.floats(-limit, limit)) for limit in (0.3, 0.1, 0.003, 0.003))
    return Camera((wide, high), matrix, np.array([k1, k2, p1, p2, 0.0]))


@settings(max_examples=150, deadline=None)
@given(cameras(), st.integers(0, 2**32 - 1))
def test_rays_invert_the_projection_for_any_lens(camera: Camera, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform([-1, -1, 0.3], [1, 1, 20], (40, 3))
    pixels = camera.project(points)
    inside = ((pixels > 0) & (pixels < camera.image_wh)).all(1)
    rays = camera.rays(pixels)
    # A strong lens model may fold: then another ray reaches the same pixel and only the pixel can be compared.
    known = inside & np.isfinite(rays).all(1)
    again = camera.project(np.concatenate([rays, np.ones((40, 1))], 1))
    np.testing.assert_allclose(again[known], pixels[known], atol=0.06)
    central = known & (np.hypot(*(points[:, :2] / points[:, 2:]).T) < 0.5)
    np.testing.assert_allclose(rays[central], points[central, :2] / points[central, 2:], atol=2e-4)
    assert np.isfinite(rays[inside & (np.hypot(*(points[:, :2] / points[:, 2:]).T) < 0.5)]).all()


@settings(max_examples=50, deadline=None)
@given(cameras(), st.integers(0, 16))
def test_a_missing_joint_stays_missing_and_disturbs_no_other(camera: Camera, joint: int) -> None:
    pixels = np.full((2, 17, 2), camera.image_wh, np.float32) * np.linspace(0.3, 0.7, 17, dtype=np.float32)[:, None]
    whole = camera.rays(pixels)
    pixels[1, joint] = np.nan
    rays = camera.rays(pixels)
    assert rays.shape == (2, 17, 2)
    assert rays.dtype == np.float32
    assert np.isnan(rays[1, joint]).all()
    np.testing.assert_array_equal(np.delete(rays[1], joint, 0), np.delete(whole[1], joint, 0))


def test_a_pixel_outside_of_the_lens_model_has_no_ray() -> None:
    camera = Camera((1280, 720), np.array([[800, 0, 640], [0, 800, 360], [0, 0, 1.0]]), np.array([-0.5, 0, 0, 0, 0]))
    assert np.isfinite(camera.rays([640, 500])).all()
    assert np.isnan(camera.rays([1270, 700])).all()


def test_nothing_is_projected_from_behind_the_camera() -> None:
    pixels = Camera.assumed((640, 480)).project([[0, 0, -1], [0, 0, 0], [0, 0, 2.0], [np.nan, 0, 1]])
    assert np.isnan(pixels[[0, 1, 3]]).all()
    np.testing.assert_allclose(pixels[2], [319.5, 239.5])


@pytest.mark.parametrize("hfov_deg", [40.0, 60.0, 90.0])
def test_assumed_lens_spans_its_field_of_view(hfov_deg: float) -> None:
    camera = Camera.assumed((1280, 720), hfov_deg)
    assert camera.hfov_deg == pytest.approx(hfov_deg, abs=0.01)
    upright = Camera.assumed((720, 1280), hfov_deg)
    assert upright.focal_px == pytest.approx(camera.focal_px)
    assert camera.identity == ""


def test_another_resolution_of_the_same_aspect_sees_the_same_rays() -> None:
    camera = Camera((1280, 720), np.array([[900, 0, 650], [0, 905, 350], [0, 0, 1.0]]), np.array([-0.1, 0.02, 0, 0, 0]))
    half = camera.scaled((640, 360))
    pixels = np.array([[100.0, 80], [1200, 700], [640, 360]])
    np.testing.assert_allclose(half.rays((pixels + 0.5) / 2 - 0.5), camera.rays(pixels), atol=1e-6)
    with pytest.raises(UserError, match="calibrate at this resolution"):
        camera.scaled((640, 480))


def test_a_lens_measured_on_pixels_that_are_not_square_fits_the_square_ones() -> None:
    stored = Camera((1440, 1080), np.array([[1050.0, 0, 719], [0, 1400, 539], [0, 0, 1]]), np.array([-0.1, 0.02, 0, 0]))
    square = stored.scaled((1920, 1080))
    assert square.camera_matrix[0, 0] == pytest.approx(square.camera_matrix[1, 1])
    at = np.array([[100.0, 200], [1300, 900]])
    drawn_out = (at + 0.5) * [4 / 3, 1] - 0.5
    np.testing.assert_allclose(square.rays(drawn_out), stored.rays(at), atol=1e-6)
    with pytest.raises(UserError, match="another aspect"):
        stored.scaled((1080, 1080))



def test_a_broken_lens_is_refused() -> None:
    with pytest.raises(UserError, match="lens model"):
        Camera((640, 480), np.eye(3), np.zeros(5), "wide")
    with pytest.raises(UserError, match="positive"):
        Camera((640, 480), np.diag([-1.0, 1, 1]), np.zeros(5))
    with pytest.raises(UserError, match="distortion coefficients"):
        Camera((640, 480), np.eye(3), np.zeros(3))
    with pytest.raises(UserError, match="field of view"):
        Camera.assumed((640, 480), 190)


def test_no_points_give_no_rays() -> None:
    camera = Camera.assumed((640, 480))
    assert camera.rays(np.zeros((0, 17, 2))).shape == (0, 17, 2)
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)


LENSES = {
    "plain": Camera.assumed((640, 360), 70),
    "brown": Camera((640, 360), np.array([[500.0, 0, 330], [0, 520, 170], [0, 0, 1]]),
                    np.array([-0.2, 0.05, 0.004, -0.003, 0.01]), identity="brown"),
    "thin prism": Camera((640, 360), np.array([[500.0, 0, 330], [0, 500, 170], [0, 0, 1]]),
                         np.array([-0.1, 0.02, 0.002, -0.001, 0.0, 0.01, 0.0, 0.0, 0.003, -0.002, 0.001, 0.004])),
    "fisheye": Camera((640, 360), np.array([[300.0, 0, 330], [0, 310, 170], [0, 0, 1]]),
                      np.array([0.05, -0.01, 0.002, -0.001]), "fisheye"),
}  # fmt: skip


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("lens", LENSES)
def test_a_turned_lens_sees_in_turned_pictures_what_it_saw(lens: str, degrees: int) -> None:
    camera = LENSES[lens]
    width, height = camera.image_wh
    points_m = np.random.default_rng(0).uniform((-1, -0.5, 3), (1, 0.5, 5), (50, 3))
    x, y = camera.project(points_m).T
    pixels = {90: (height - 1 - y, x), 180: (width - 1 - x, height - 1 - y), 270: (y, width - 1 - x)}[degrees]
    right, down, ahead = points_m.T
    axes_m = {90: (-down, right), 180: (-right, -down), 270: (down, -right)}[degrees]
    turned = camera.turned(degrees)
    assert turned.image_wh == ((width, height) if degrees == 180 else (height, width))
    np.testing.assert_allclose(turned.project(np.stack([*axes_m, ahead], 1)), np.stack(pixels, 1), atol=1e-6)
    np.testing.assert_allclose(turned.rays(np.stack(pixels, 1)), np.stack(axes_m, 1) / ahead[:, None], atol=2e-4)
    assert (turned.identity == camera.identity) == (not camera.identity), "another calibration, where it is one"


def test_a_lens_that_cannot_be_turned_says_so() -> None:
    skewed = Camera((640, 360), np.array([[500.0, 2, 330], [0, 500, 170], [0, 0, 1]]), np.zeros(5))
    assert skewed.turned(0) is skewed
    with pytest.raises(UserError, match="cannot be turned"):
        skewed.turned(90)
