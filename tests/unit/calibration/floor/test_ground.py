from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.floor.floor_fit import Walk, ground_from_walk
from calibration.floor.ground import Ground, from_angles, from_board, load_ground, rotation_from_up, save_ground
from calibration.person.body_scale import ANKLE_HEIGHT
from engines.errors import UserError


@settings(max_examples=100, deadline=None)
@given(st.floats(0.1, 20), st.floats(-89, 89), st.floats(-179, 179))
def test_world_axes_are_right_handed_with_the_camera_above_the_origin(height: float, pitch: float, roll: float) -> None:
    ground = from_angles(height, pitch, roll)
    np.testing.assert_allclose(ground.rotation @ ground.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(ground.rotation) == pytest.approx(1)
    np.testing.assert_allclose(ground.to_world([0, 0, 0]), [0, 0, height])
    ahead = ground.turn([0, 0, 1])
    assert ahead[2] == pytest.approx(np.sin(np.radians(pitch)), abs=1e-9)  # looks up by the pitch
    if abs(pitch) < 80:
        assert ahead[1] > 0
        assert ahead[0] == pytest.approx(0, abs=1e-9)


def test_a_level_camera_sees_up_where_the_picture_has_it() -> None:
    ground = from_angles(1.5)
    np.testing.assert_allclose(ground.to_world([1.0, 1.5, 3.0]), [1, 3, 0], atol=1e-9)
    rolled = from_angles(1.5, 0, 90)  # clockwise: the world's up is the picture's left
    np.testing.assert_allclose(rolled.turn([-1, 0, 0]), [0, 0, 1], atol=1e-9)


@pytest.mark.parametrize("up", [[0, 0, 1], [0, 0, -1], [0, -1, 0.001]])
def test_a_camera_looking_straight_down_or_up_has_axes_too(up: list[float]) -> None:
    rotation = rotation_from_up(up)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ (np.array(up) / np.linalg.norm(up)), [0, 0, 1], atol=1e-9)


def test_a_board_on_the_floor_gives_back_the_floor() -> None:
    truth = from_angles(1.7, -35, 4)
    on_floor = np.stack(np.meshgrid(np.linspace(-0.3, 0.3, 8), np.linspace(2, 2.4, 6)), -1).reshape(-1, 2)
    world = np.concatenate([on_floor, np.zeros((len(on_floor), 1))], 1)
    found = from_board((world - [0, 0, 1.7]) @ truth.rotation, 0.001, "lens")
    assert found.height_m == pytest.approx(1.7)
    np.testing.assert_allclose(found.up, truth.up, atol=1e-9)
    assert found.camera_identity == "lens"


def stands_at(*places: tuple[float, float]) -> Walk:
    """A person of 1.7 m who stands two seconds at each place (x, y) of the floor, seen from 1.5 m above it."""
    body = np.zeros((17, 3))
    body[[3, 6]] = [(-0.1, 0, -0.82), (0.1, 0, -0.82)]  # ankles
    body[10] = (0, 0, 0.75)  # head
    world = np.concatenate([np.repeat(body[None] + [*place, 0.82 + ANKLE_HEIGHT * 1.7], 60, 0) for place in places])
    seen = (world - [0, 0, 1.5]) @ from_angles(1.5, -10, 2).rotation
    return Walk(seen[:, 0], seen - seen[:, :1], np.ones(seen.shape[:2]), 1.7)


def test_a_floor_that_is_hardly_known_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    walked = ground_from_walk(stands_at((-1.5, 3), (1.5, 3), (0, 4), (-2, 6), (2, 6), (0, 7)))
    assert walked.height_m == pytest.approx(1.5, abs=0.05)
    assert not caplog.records
    stood = ground_from_walk(stands_at((0, 4)))
    assert stood.normal_sigma_deg > 3
    (record,) = caplog.records
    assert "walk about" in record.message


def test_a_saved_ground_comes_back_with_an_identity_of_its_bytes(tmp_path: Path) -> None:
    ground = Ground(from_angles(1.5, -10, 2).rotation, 1.5, "height", "person", 0.3, 0.02, "abc")
    save_ground(tmp_path / "sub" / "ground.yaml", ground)
    back = load_ground(tmp_path / "sub" / "ground.yaml")
    np.testing.assert_array_equal(back.rotation, ground.rotation)
    assert (back.height_m, back.scale, back.source) == (1.5, "height", "person")
    assert (back.normal_sigma_deg, back.height_sigma_m, back.camera_identity) == (0.3, 0.02, "abc")
    save_ground(tmp_path / "other.yaml", from_angles(1.5, -11, 2))
    assert len({back.identity, load_ground(tmp_path / "other.yaml").identity, ""}) == 3
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["ground.yaml"]


def test_what_is_no_ground_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="calibrate ground"):
        load_ground(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("just: this\n")
    with pytest.raises(UserError, match="camera_to_world_rotation"):
        load_ground(tmp_path / "bad.yaml")
    (tmp_path / "worse.yaml").write_bytes(b"\xff\xfe[[[")
    with pytest.raises(UserError, match="not a YAML"):
        load_ground(tmp_path / "worse.yaml")
    with pytest.raises(UserError, match="above the floor"):
        from_angles(-1)
    with pytest.raises(UserError, match="pitch"):
        from_angles(1, 100)
    with pytest.raises(UserError, match="not a rotation"):
        Ground(np.diag([1.0, 1, -1]), 1.5)
