"""Knuckles through the live walk: they hang on the lifted wrists, and change nothing else."""

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
from realtime.pipeline.floor import on_floor

FRAMES = 40
WRISTS, ELBOWS = [16, 16, 16, 13, 13, 13], [15, 15, 15, 12, 12, 12]
UNSEEN = 4  # the left index finger


def frames(with_hands: bool = True) -> list[Keypoints2D]:
    """A walker whose hands go on along their forearms; one knuckle is never seen."""
    camera, out = Camera.assumed(SIZE), []
    for number, joints_m in enumerate(in_camera(walk(FRAMES))):
        hands_m = joints_m[WRISTS] + np.array([0.30, 0.34, 0.27] * 2)[:, None] * (joints_m[WRISTS] - joints_m[ELBOWS])
        score = np.full((6, 1), 0.9)
        score[UNSEEN] = 0
        hands = np.concatenate((camera.project(hands_m), score), 1).astype(np.float32)
        person = Person2D(0, camera.project(joints_m).astype(np.float32), np.full(17, 0.9, np.float32),
                          hands=hands if with_hands else None)  # fmt: skip
        out.append(Keypoints2D(Stamp(number, number * FRAME_NS, number * FRAME_NS), SIZE, (person,), 0, 0))
    return out


@pytest.mark.parametrize("with_floor", [False, True])
def test_knuckles_hang_on_the_wrists_and_change_no_joint(tmp_path: Path, with_floor: bool) -> None:
    ground = tmp_path / "floor.yaml"
    save_ground(ground, from_angles(1.0))
    place = PlaceConfig(ground=ground) if with_floor else PlaceConfig(floor="off")
    poses, plain = lifted(place, frames()), lifted(place, frames(with_hands=False))
    seen = [row for row in range(6) if row != UNSEEN]
    for pose, bare in zip(poses, plain, strict=True):
        (person,), (other,) = pose.persons, bare.persons
        assert np.array_equal(person.joints_m, other.joints_m)
        assert other.hands_m is None
        assert person.hands_m is not None
        assert person.hands_sigma_m is not None
        away_m = np.linalg.norm(person.hands_m - person.joints_m[WRISTS], axis=1)
        assert ((away_m[seen] > 0.02) & (away_m[seen] < 0.2)).all()
        assert (person.hands_sigma_m[seen] > 0).all()
        assert np.isnan(person.hands_m[UNSEEN]).all()
        assert np.isnan(person.hands_sigma_m[UNSEEN])


def test_who_is_held_keeps_their_hands_on_whatever_floor_holds() -> None:
    keypoints = frames()
    gone = replace(keypoints[-1], persons=(), stamp=Stamp(FRAMES, FRAMES * FRAME_NS, FRAMES * FRAME_NS))
    *_, last, held = lifted(PlaceConfig(floor="off"), [*keypoints, gone])
    assert held.persons[0].held
    np.testing.assert_array_equal(held.persons[0].hands_m, last.persons[0].hands_m)
    ground, pose = from_angles(1.2, pitch_deg=20), last.persons[0]
    moved = on_floor(pose, None, ground)
    assert pose.hands_m is not None
    np.testing.assert_allclose(moved.hands_m, pose.hands_m @ ground.rotation.T, atol=1e-6)
    np.testing.assert_allclose(on_floor(moved, ground, None).hands_m, pose.hands_m, atol=1e-6)


def test_hands_change_sides_with_the_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    rays, score = np.zeros((17, 2), np.float32), np.ones(17, np.float32)
    hands = np.arange(18, dtype=np.float32).reshape(6, 3)
    for arms in (False, True):
        cleaned = Cleaned(rays, score, (True,) * 17, True, 0, 0.0, False, arms)
        monkeypatch.setattr("engines.keypoints.clean.Cleaner.push", lambda *_, cleaned=cleaned: cleaned)
        (out,) = CleanPeople().push(0, [Sighting(0, rays, score, hands=hands)])
        np.testing.assert_array_equal(out.hands, hands[[3, 4, 5, 0, 1, 2]] if arms else hands)
