from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.floor.ground import Ground, from_angles
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale, bone_lengths, stature
from engines.errors import UserError
from realtime.pipeline.clean import Sighting
from realtime.pipeline.place import Placed, Standing
from realtime.pipeline.setting import Setting

CAMERA = Camera.assumed((1280, 720))
GROUND = from_angles(1.5, -10, 3)
# a standing person, z up, the hip at the origin: soles 0.47 + 0.44 + about 0.08 m below it
STANDING = np.array([
    [0, 0, 0], [0.13, 0, 0], [0.13, 0.02, -0.44], [0.13, 0, -0.87], [-0.13, 0, 0], [-0.13, 0.02, -0.44],
    [-0.13, 0, -0.87], [0, 0, 0.23], [0, 0, 0.48], [0, -0.04, 0.58], [0, -0.02, 0.68], [-0.15, 0, 0.47],
    [-0.25, 0, 0.2], [-0.25, -0.1, -0.05], [0.15, 0, 0.47], [0.25, 0, 0.2], [0.25, -0.1, -0.05],
])  # fmt: skip
HEIGHT = float(stature(bone_lengths(STANDING)))
HIP = 0.87 + 0.047 * HEIGHT
SURE, SIGMA = np.ones(17, np.float32), np.full(17, 0.03, np.float32)


def stand(setting: Setting, x: float, y: float, frames: int = 40, size: float = 1.0, lift: float = 0.0) -> Placed:
    """The last of many frames; the lifter believes in a body of `size`, and the hip is `lift` above standing."""
    world = np.add(STANDING, [x, y, HIP + lift])
    camera = (world - [0, 0, GROUND.height_m]) @ GROUND.rotation
    rays = (camera[:, :2] / camera[:, 2:]).astype(np.float32)
    pose = ((camera - camera[0]) * size).astype(np.float32)
    standing = Standing(setting)
    for frame in range(frames):
        placed = standing.place(Sighting(0, rays, SURE), pose, SIGMA, frame * 33_333_333)
    return placed


def test_without_calibration_poses_stay_in_the_camera_and_say_that_size_is_assumed() -> None:
    setting = Setting(CAMERA)
    placed = stand(setting, 0.4, 4)
    assert (setting.space, placed.scale, setting.calibration) == ("camera", "assumed", "")
    assert placed.root_m.dtype == placed.joints_m.dtype == np.float32
    np.testing.assert_allclose(GROUND.to_world(placed.root_m), [0.4, 4, HIP], atol=0.01)


@pytest.mark.parametrize("size", [0.9, 1.0, 1.15])
def test_height_makes_metres_true_whatever_size_the_lifter_believes(size: float) -> None:
    setting = Setting(CAMERA, GROUND, BodyScale("x", HEIGHT))
    placed = stand(setting, -0.5, 5, size=size)
    assert (setting.space, placed.scale) == ("world", "height")
    np.testing.assert_allclose(placed.root_m, [-0.5, 5, HIP], atol=0.02)
    np.testing.assert_allclose(placed.joints_m, STANDING, atol=0.01)
    same = stand(setting, -0.5, 5, size=1.0)
    np.testing.assert_allclose(placed.sigma_m, same.sigma_m / size, rtol=0.02)  # errors grow and shrink with the pose


@pytest.mark.parametrize("size", [0.9, 1.15])
def test_the_floor_alone_tells_the_size_after_a_second(size: float) -> None:
    setting = Setting(CAMERA, GROUND)
    assert stand(setting, 0, 4, frames=5, size=size).scale == "assumed"
    placed = stand(setting, 0, 4, frames=90, size=size)
    assert placed.scale == "measured"
    np.testing.assert_allclose(placed.joints_m, STANDING, atol=0.02)
    np.testing.assert_allclose(placed.root_m, [0, 4, HIP], atol=0.08)


def test_a_rigid_skeleton_is_kept() -> None:
    bones = bone_lengths(STANDING)
    person = BodyScale("x", HEIGHT, bones, rigid=True)
    placed = stand(Setting(CAMERA, None, person), 0, 4, size=1.3)
    np.testing.assert_allclose(bone_lengths(placed.joints_m)[1:], bones[1:], atol=1e-5)


def test_someone_in_the_air_is_not_pulled_to_the_floor() -> None:
    placed = stand(Setting(CAMERA, GROUND, BodyScale("x", HEIGHT)), 0, 3, lift=0.8)
    assert placed.root_m[2] == pytest.approx(HIP + 0.8, abs=0.05)


def test_nobody_to_place_gives_nan_and_the_pose_all_the_same() -> None:
    nothing = np.full((17, 2), np.nan, np.float32)
    placed = Standing(Setting(CAMERA, GROUND)).place(Sighting(0, nothing, SURE), STANDING.astype(np.float32), SIGMA, 0)
    assert np.isnan(placed.root_m).all()
    assert np.isfinite(placed.joints_m).all()


def identified(camera: str, ground: str, person: str) -> Setting:
    lens: Camera = replace(CAMERA, identity=camera)
    floor: Ground = replace(GROUND, identity=ground)
    return Setting(lens, floor, replace(BodyScale("x", 1.7), identity=person))


def test_the_calibration_in_force_has_a_name_that_changes_with_any_file() -> None:
    names = {identified(*files).calibration for files in (("a", "b", "c"), ("d", "b", "c"), ("a", "d", "c"),
                                                          ("a", "b", "d"), ("b", "a", "c"))}
    assert len(names) == 5
    assert "" not in names
    assert identified("a", "b", "c").calibration == identified("a", "b", "c").calibration


def test_a_floor_measured_with_another_lens_is_refused() -> None:
    floor = replace(GROUND, source="person", camera_identity="old")
    with pytest.raises(UserError, match="another camera calibration"):
        Setting(replace(CAMERA, identity="new"), floor)


def test_people_in_one_setting_do_not_share_their_past() -> None:
    setting = Setting(CAMERA, GROUND, BodyScale("x", HEIGHT))
    one, other = Standing(setting), Standing(setting)
    for frame in range(40):
        placed = []
        for standing, at in ((one, [0, 4, HIP]), (other, [2, 6, HIP])):
            camera = (np.add(STANDING, at) - [0, 0, GROUND.height_m]) @ GROUND.rotation
            rays = (camera[:, :2] / camera[:, 2:]).astype(np.float32)
            pose = (camera - camera[0]).astype(np.float32)
            placed.append(standing.place(Sighting(0, rays, SURE), pose, SIGMA, frame * 33_333_333))
        np.testing.assert_allclose(placed[0].root_m, [0, 4, HIP], atol=0.08)
        np.testing.assert_allclose(placed[1].root_m, [2, 6, HIP], atol=0.08)


def in_camera_axes(x: float, y: float) -> np.ndarray:
    return np.asarray((np.add(STANDING, [x, y, HIP]) - [0, 0, GROUND.height_m]) @ GROUND.rotation)


def seen_at(camera_m: np.ndarray) -> tuple[Sighting, np.ndarray]:
    rays = (camera_m[:, :2] / camera_m[:, 2:]).astype(np.float32)
    return Sighting(0, rays, SURE), (camera_m - camera_m[0]).astype(np.float32)


def test_a_floor_that_is_found_later_is_stood_on_from_then_on() -> None:
    standing, camera_m = Standing(Setting(CAMERA)), in_camera_axes(0.3, 4)
    for frame in range(40):
        placed = standing.place(*seen_at(camera_m), SIGMA, frame * 33_333_333)
    np.testing.assert_allclose(placed.root_m, camera_m[0], atol=0.02)
    assert standing.body.up == (0.0, 0.0, 0.0)
    standing.stand_on(GROUND)
    for frame in range(40, 80):
        placed = standing.place(*seen_at(camera_m), SIGMA, frame * 33_333_333)
    np.testing.assert_allclose(placed.root_m, [0.3, 4, HIP], atol=0.05)
    np.testing.assert_allclose(placed.joints_m, STANDING, atol=0.02)
    assert standing.body.up != (0.0, 0.0, 0.0)


def test_what_a_floor_is_learned_from_is_where_the_person_was_seen_before_it_had_its_say() -> None:
    camera_m = in_camera_axes(-0.4, 5)
    for setting in (Setting(CAMERA), Setting(CAMERA, GROUND)):
        standing = Standing(setting)
        for frame in range(5):
            placed = standing.place(*seen_at(camera_m), SIGMA, frame * 33_333_333)
        np.testing.assert_allclose(np.array(placed.seen.joints_m), camera_m, rtol=0.02, atol=0.02)
        assert placed.seen.score == [1.0] * 17


def test_a_direction_that_does_not_say_how_sure_it_is_is_taken_to_be_two_degrees_off() -> None:
    assert Standing(Setting(CAMERA)).body.up == (0.0, 0.0, 0.0)
    unsaid, said = replace(GROUND, normal_sigma_deg=np.nan), replace(GROUND, normal_sigma_deg=2.0)
    doubtful = replace(GROUND, normal_sigma_deg=8.0)
    ups = [np.array(Standing(Setting(CAMERA, ground)).body.up) for ground in (unsaid, said, doubtful)]
    assert np.array_equal(ups[0], ups[1])
    assert np.linalg.norm(ups[2]) < np.linalg.norm(ups[1]) < 1
    np.testing.assert_allclose(np.cross(ups[1], GROUND.up), 0, atol=1e-12)


def test_somebody_not_seen_for_a_moment_is_where_they_were_and_later_nowhere() -> None:
    standing, camera_m = Standing(Setting(CAMERA)), in_camera_axes(0, 4)
    sighting, pose = seen_at(camera_m)
    nothing = replace(sighting, rays=np.full((17, 2), np.nan, np.float32))
    for frame in range(10):
        standing.place(sighting, pose, SIGMA, frame * 33_333_333)
    held = standing.place(nothing, pose, SIGMA, 10 * 33_333_333)
    np.testing.assert_allclose(held.root_m, camera_m[0], atol=0.05)
    assert np.isnan(standing.place(nothing, pose, SIGMA, 10 * 33_333_333 + 10**9).root_m).all()


def test_feet_point_where_they_did_while_they_are_out_of_sight_for_a_moment() -> None:
    camera_m = in_camera_axes(0, 4)
    sighting, pose = seen_at(camera_m)
    ankles = camera_m[[3, 3, 6, 6]]
    aside = np.array([(-0.06, 0.05, 0), (0.17, 0.06, 0)] * 2)  # heel and toe: to the right of the picture
    rays = (ankles + aside)[:, :2] / (ankles + aside)[:, 2:]
    seen = replace(sighting, feet=np.concatenate((rays, np.ones((4, 1))), 1).astype(np.float32))
    unseen = replace(sighting, feet=np.full((4, 3), np.nan, np.float32))

    def feet_m(first: Sighting, pause_ns: int) -> np.ndarray:
        standing = Standing(Setting(CAMERA))
        for frame in range(10):
            assert standing.place(first, pose, SIGMA, frame * 33_333_333).feet_m is not None
        placed = standing.place(unseen, pose, SIGMA, 9 * 33_333_333 + pause_ns)
        assert placed.feet_m is not None
        return placed.feet_m

    toes = [1, 3]
    away_m = np.linalg.norm((feet_m(seen, 33_333_333) - feet_m(unseen, 33_333_333))[toes], axis=1)
    assert (away_m > 0.02).all()
    np.testing.assert_allclose(feet_m(seen, 10**9), feet_m(unseen, 10**9), atol=0.01)  # too long ago
    assert Standing(Setting(CAMERA)).place(sighting, pose, SIGMA, 0).feet_m is None  # nobody has asked for them


def test_depths_that_the_lifter_wavers_about_are_steadied_by_what_was_just_before() -> None:
    camera_m = in_camera_axes(0, 4)
    sighting, pose = seen_at(camera_m)
    noise = np.random.default_rng(3).normal(0, 0.06, (60, 17)).astype(np.float32)
    noise[:, 0] = 0

    def wavers_m(pause_ns: int) -> float:
        standing, depths = Standing(Setting(CAMERA)), []
        for frame, off in enumerate(noise):
            wrong = pose + off[:, None] * np.float32((0, 0, 1))
            depths.append(standing.place(sighting, wrong, SIGMA, frame * pause_ns).joints_m[:, 2])
        return float(np.std(depths[30:], axis=0).mean())

    assert wavers_m(33_333_333) < 0.6 * wavers_m(10**9)  # a second later everything may be elsewhere
