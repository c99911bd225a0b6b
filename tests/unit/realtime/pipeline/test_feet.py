"""Heels and toes through the live walk: they hang on the lifted legs, and change nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figures import in_camera, walk
from live_walk import FRAME_NS, SIZE, lifted

from calibration.floor.ground import from_angles, save_ground
from calibration.lens.rays import Camera
from engines.keypoints.clean import Cleaned
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.pipeline.clean import CleanPeople, Sighting
from realtime.pipeline.pose_frame import HOLD_NS

FRAMES = 40
ANKLES = [3, 3, 6, 6]


def seen(joints_m: np.ndarray) -> Keypoints2D:
    """A walker whose feet point away from the hip's height: where they are is no matter here, that they are seen is."""
    camera = Camera.assumed(SIZE)
    feet_m = joints_m[ANKLES] + np.array([(0, 0.05, 0.05), (0, 0.07, -0.15)] * 2)
    feet = np.concatenate((camera.project(feet_m), np.full((4, 1), 0.9)), 1).astype(np.float32)
    person = Person2D(0, camera.project(joints_m).astype(np.float32), np.full(17, 0.9, np.float32), feet)
    return Keypoints2D(Stamp(0, 0, 0), SIZE, (person,), 0, 0)


def frames(with_feet: bool = True) -> list[Keypoints2D]:
    out = []
    for number, joints in enumerate(in_camera(walk(FRAMES))):
        one = seen(joints)
        person = one.persons[0] if with_feet else replace(one.persons[0], feet=None)
        out.append(replace(one, stamp=Stamp(number, number * FRAME_NS, number * FRAME_NS), persons=(person,)))
    return out


@pytest.mark.parametrize("on_floor", [False, True])
def test_feet_hang_on_the_ankles_and_change_no_joint(tmp_path: Path, on_floor: bool) -> None:
    ground = tmp_path / "floor.yaml"
    save_ground(ground, from_angles(1.0))
    place = PlaceConfig(ground=ground) if on_floor else PlaceConfig(floor="off")
    poses, plain = lifted(place, frames()), lifted(place, frames(with_feet=False))
    for pose, bare in zip(poses, plain, strict=True):
        (person,), (other,) = pose.persons, bare.persons
        assert np.array_equal(person.joints_m, other.joints_m)
        assert other.feet_m is None
        assert person.feet_m is not None
        assert person.feet_sigma_m is not None
        away_m = np.linalg.norm(person.feet_m - person.joints_m[ANKLES], axis=1)
        assert (away_m > 0.03).all()
        assert (away_m < 0.3).all()
        assert (person.feet_sigma_m > 0).all()
    if on_floor:
        last = poses[-1].persons[0]
        assert last.feet_m is not None
        assert (last.feet_m[:, 2] < last.joints_m[ANKLES, 2] + 0.02).all(), "z is up: feet are below their ankles"


def test_who_is_held_keeps_their_feet() -> None:
    keypoints = frames()
    gone = replace(keypoints[-1], persons=(), stamp=Stamp(FRAMES, FRAMES * FRAME_NS, FRAMES * FRAME_NS))
    *_, last, held = lifted(PlaceConfig(floor="off"), [*keypoints, gone])
    assert HOLD_NS > FRAME_NS
    assert held.persons[0].held
    np.testing.assert_array_equal(held.persons[0].feet_m, last.persons[0].feet_m)


def test_feet_change_sides_with_the_legs(monkeypatch: pytest.MonkeyPatch) -> None:
    rays, score = np.zeros((17, 2), np.float32), np.ones(17, np.float32)
    feet = np.arange(12, dtype=np.float32).reshape(4, 3)
    for legs in (False, True):
        cleaned = Cleaned(rays, score, (True,) * 17, True, 0, 0.0, legs)
        monkeypatch.setattr("engines.keypoints.clean.Cleaner.push", lambda *_, cleaned=cleaned: cleaned)
        (out,) = CleanPeople().push(0, [Sighting(0, rays, score, feet=feet)])
        np.testing.assert_array_equal(out.feet, feet[[2, 3, 0, 1]] if legs else feet)
