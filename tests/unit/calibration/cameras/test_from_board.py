"""Cameras placed by a board that pairs of them see, against the room they were in."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from room import LENS, cameras_round, stand_m, turn_between_deg

from calibration.cameras.from_board import cameras_from_board
from calibration.lens.board import Board, View
from calibration.lens.placed import PlacedCamera
from engines.errors import UserError

BOARD = Board(columns=9, rows=6, square_m=0.08, marker_m=0.06)
ALL = np.arange((BOARD.columns - 1) * (BOARD.rows - 1))


def lying() -> tuple[np.ndarray, np.ndarray]:
    """On the floor, z into the board."""
    return np.diag([1.0, -1.0, -1.0]), np.array([-0.3, 0.2, 0.0])


def held(number: int, facing_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Upright in the middle of the room, turned towards `facing_deg` along the ring of cameras."""
    chance = np.random.default_rng(number)
    turn = np.radians(facing_deg)
    into = -np.array([np.sin(turn), -np.cos(turn), 0])  # away from the camera
    right = np.cross(into, (0, 0, 1.0))
    rotation = np.stack([right, np.cross(into, right), into], 1)
    rotation = rotation @ np.asarray(cv2.Rodrigues(chance.uniform(-0.3, 0.3, 3))[0])
    return rotation, chance.uniform((-0.6, -0.6, 0.8), (0.3, 0.3, 1.6))


def view(camera: PlacedCamera, place: tuple[np.ndarray, np.ndarray], moment: str, seed: int) -> View | None:
    """None where the camera sees the board from behind, or too much aslant."""
    rotation, shift_m = place
    towards = stand_m(camera) - shift_m
    if -(rotation[:, 2] @ towards) / np.linalg.norm(towards) < 0.25:
        return None
    corners = camera.to_camera(BOARD.corner_points(ALL) @ rotation.T + shift_m)
    pixels = LENS.project(corners) + np.random.default_rng(seed).normal(0, 0.2, (len(ALL), 2))
    return View(moment, LENS.image_wh, ALL, pixels.astype(np.float32))


def shown_between(cameras: list[PlacedCamera], on_floor: bool) -> list[dict[str, View]]:
    """To every pair of neighbours in turn, which are 60 degrees from each other."""
    places = {"000": lying()} if on_floor else {}
    for number in range(24):
        places[f"{number + 1:03d}"] = held(number, 60.0 * (number % (len(cameras) - 1) + 0.5))
    return [
        {moment: found for moment, place in places.items()
         if (found := view(camera, place, moment, 100 * row + int(moment))) is not None}
        for row, camera in enumerate(cameras)
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "on_floor"), [(2, False), (4, True)])
def test_a_board_shown_to_pairs_places_all(count: int, on_floor: bool) -> None:
    cameras = cameras_round(count, spread_deg=60.0 * count)
    found = cameras_from_board(
        [(one.name, LENS) for one in cameras], shown_between(cameras, on_floor), BOARD, on_floor
    )
    placed = found.cameras.placed
    for one, true in zip(placed[1:], cameras[1:], strict=True):
        assert turn_between_deg(placed[0], one, cameras[0], true) < 0.3
        apart = np.linalg.norm(stand_m(one) - stand_m(placed[0]))
        assert apart == pytest.approx(np.linalg.norm(stand_m(true) - stand_m(cameras[0])), rel=0.01)
    assert found.rms_px < 0.5
    assert (found.cameras.scale, found.cameras.floor) == ("measured", "measured" if on_floor else "none")
    if on_floor:
        for one, true in zip(placed, cameras, strict=True):
            assert stand_m(one)[2] == pytest.approx(stand_m(true)[2], abs=0.03)


def test_a_camera_that_shares_no_moment_is_named() -> None:
    cameras = cameras_round(2, spread_deg=120.0)
    seen = shown_between(cameras, False)
    seen[1] = {f"later {moment}": view for moment, view in seen[1].items()}
    with pytest.raises(UserError, match="'cam2' saw the board at 0 moments"):
        cameras_from_board([(one.name, LENS) for one in cameras], seen, BOARD)
