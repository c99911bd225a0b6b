"""Cameras placed by a person who walked through their views, against the room they were in."""

from __future__ import annotations

import numpy as np
import pytest
from room import LENS, cameras_round, stand_m, turn_between_deg, wandering, watched

from calibration.cameras.from_person import Found, View, cameras_from_person
from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera
from calibration.person.body_scale import BodyScale, bone_lengths, stature
from engines.errors import UserError

OFFSETS_S = (0.0, 0.31, -0.222, 0.117)


def recordings(cameras: list[PlacedCamera], seed: int, seconds: float = 15.0, noise: bool = True) -> list[View]:
    """Each camera's frames lie elsewhere between those of the first, on a clock of its own."""
    views = []
    for number, camera in enumerate(cameras):
        t_s = np.arange(0, seconds, 1 / 30) + 0.009 * number
        seen = watched(camera, wandering(t_s, seed), t_s, 10 * seed + number if noise else None)
        views.append(View(camera.name, LENS, Watched(t_s - OFFSETS_S[number], seen.rays, seen.score, seen.joints_m)))
    return views


def true_height_m(seed: int) -> float:
    return float(stature(np.median(bone_lengths(wandering(np.arange(0, 5, 0.1), seed)), 0)))


def worst(found: Found, cameras: list[PlacedCamera]) -> tuple[float, float]:
    """Of all cameras against the first: degrees, and the relative error of the distance."""
    first, true_first = found.cameras.placed[0], cameras[0]
    turns, sizes = [], []
    for one, true in zip(found.cameras.placed[1:], cameras[1:], strict=True):
        turns.append(turn_between_deg(first, one, true_first, true))
        apart = np.linalg.norm(stand_m(one) - stand_m(first))
        sizes.append(abs(apart / np.linalg.norm(stand_m(true) - stand_m(true_first)) - 1))
    return max(turns), float(max(sizes))


@pytest.mark.parametrize(("count", "seed"), [(2, 0), (4, 1)])
def test_a_walk_places_cameras_and_sets_their_clocks(count: int, seed: int) -> None:
    cameras = cameras_round(count)
    found = cameras_from_person(recordings(cameras, seed), BodyScale(height_m=true_height_m(seed)))
    turn_deg, size = worst(found, cameras)
    assert turn_deg < 0.5
    assert size < 0.03
    np.testing.assert_allclose(found.offsets_s, OFFSETS_S[:count], atol=0.01)
    assert (found.cameras.scale, found.cameras.floor) == ("height", "estimated")
    for one, true in zip(found.cameras.placed, cameras, strict=True):  # up, and the floor, from feet
        assert stand_m(one)[2] == pytest.approx(stand_m(true)[2], abs=0.08)
        assert np.degrees(np.arccos(np.clip(one.rotation[:, 2] @ true.rotation[:, 2], -1, 1))) < 1.5


def test_without_noise_nothing_is_off() -> None:
    cameras = cameras_round(3)
    found = cameras_from_person(recordings(cameras, 2, noise=False), BodyScale(height_m=true_height_m(2)))
    turn_deg, size = worst(found, cameras)
    assert turn_deg < 0.05
    assert size < 0.005
    np.testing.assert_allclose(found.offsets_s, OFFSETS_S[:3], atol=0.002)


def test_without_a_height_the_scale_is_assumed() -> None:
    found = cameras_from_person(recordings(cameras_round(2), 0), BodyScale())
    assert found.cameras.scale == "assumed"


def test_two_people_are_no_calibration() -> None:
    cameras = cameras_round(2)
    t_s = np.arange(0, 15, 1 / 30)
    walks = wandering(t_s, 0), wandering(t_s, 7)[::-1]  # the other goes another way
    views = [View(camera.name, LENS, watched(camera, walk, t_s, number))
             for number, (camera, walk) in enumerate(zip(cameras, walks, strict=True))]  # fmt: skip
    with pytest.raises(UserError, match="bones change their lengths"):
        cameras_from_person(views, BodyScale())


def test_cameras_that_saw_the_person_at_other_times_are_refused() -> None:
    first, second = recordings(cameras_round(2), 0)
    late = View(second.name, LENS, Watched(second.watched.t_s + 100, *(
        getattr(second.watched, name) for name in ("rays", "score", "joints_m"))))  # fmt: skip
    with pytest.raises(UserError, match="'cam2' and the other cameras have seen too little"):
        cameras_from_person([first, late], BodyScale())


def test_one_camera_alone_is_refused() -> None:
    with pytest.raises(UserError, match="two or more"):
        cameras_from_person(recordings(cameras_round(1), 0), BodyScale())
