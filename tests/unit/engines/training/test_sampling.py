"""What training draws: motion, bodies, cameras."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from swaying_person import STANDING, swaying_bank

torch = pytest.importorskip("torch")

from engines.models.skeleton import FLIP  # noqa: E402
from engines.motion.augment import FLIP_BONES, BodyAugmentation, augment  # noqa: E402
from engines.motion.cameras import CameraRange, view  # noqa: E402
from engines.motion.mocap import Bank, joints_from_bones  # noqa: E402
from engines.motion.noise import KeypointNoise  # noqa: E402
from engines.training.sampler import Sampling, sample  # noqa: E402

NOTHING = BodyAugmentation(*[0.0] * len(fields(BodyAugmentation)))
CLEAN = KeypointNoise(clean=1.0, cut=0, wrong_lens=0, slow=0)


@pytest.fixture
def bank() -> Bank:
    return swaying_bank()


def test_the_bank_gives_back_its_poses(bank: Bank) -> None:
    directions, root, lengths = bank.draw(np.random.default_rng(0), 8, 5)
    joints = joints_from_bones(directions, lengths[:, None]) + root[:, :, None]
    assert np.linalg.norm(joints[..., 10, :] - joints[..., 0, :], axis=-1) == pytest.approx(0.7, abs=0.03)
    np.testing.assert_allclose(joints[..., 3, 1], 0.1, atol=0.03)


def test_capture_flips_are_cut_out() -> None:
    clip = np.tile(STANDING, (200, 1, 1))
    clip[100:, 3] += 1.0
    assert Bank.of({"99_01": clip}, 120).frames.tolist() == [100, 100]


def test_no_augmentation_changes_nothing_but_the_sequence(bank: Bank) -> None:
    directions, _, lengths = augment(np.random.default_rng(0), bank, 4, 3, NOTHING)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(lengths, np.tile(bank.lengths, (4, 1)), rtol=1e-5)


def test_augmented_bones_stay_unit_and_bodies_vary(bank: Bank) -> None:
    directions, _, lengths = augment(np.random.default_rng(0), bank, 256, 2, BodyAugmentation())
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-4)
    thighs = directions[:, 0, 1]
    assert (thighs[:, 1] > -0.3).mean() > 0.05  # some sit
    assert np.ptp(lengths[:, 0] / bank.lengths[0, 0]) > 0.5


def test_mirroring_swaps_sides() -> None:
    rng = np.random.default_rng(0)
    directions, lengths = rng.normal(size=(16, 3)).astype(np.float32), np.ones(16, np.float32)
    mirrored = joints_from_bones(directions[FLIP_BONES] * np.float32((-1, 1, 1)), lengths)
    np.testing.assert_allclose(mirrored, joints_from_bones(directions, lengths)[list(FLIP)] * (-1, 1, 1), atol=1e-6)


def test_everybody_stays_in_front_upright_and_rigid(bank: Bank) -> None:
    rng = np.random.default_rng(0)
    directions, root, lengths = bank.draw(rng, 300, 40)
    world = joints_from_bones(directions, lengths[:, None])
    joints, root, up = view(rng, world, root, CameraRange(steep=0, distance_m=(2.0, 14.0)))
    np.testing.assert_allclose((joints * up[:, :, None]).sum(-1), world[..., 1], atol=1e-4)
    assert (root[..., 2] > 0.5).all()
    assert (joints[:, :, 10, 1] < -0.3).all()  # heads up: y points down
    np.testing.assert_allclose(np.linalg.norm(joints, axis=-1), np.linalg.norm(world, axis=-1), atol=1e-4)
    hands = [np.linalg.det(np.stack([pose[:, 0, joint] for joint in (4, 10, 3)], 1)) for pose in (joints, world)]
    assert (hands[0] * hands[1] > 0).all()  # no mirror image


def test_poses_as_captured_are_left_alone(bank: Bank) -> None:
    how = BodyAugmentation(mirror=0, as_captured=1, straight=0, definitions=0)
    changed, _, _ = augment(np.random.default_rng(4), bank, 16, 3, how)
    captured, _, _ = bank.draw(np.random.default_rng(4), 16, 3)
    np.testing.assert_array_equal(changed, captured)
    bent, _, _ = augment(np.random.default_rng(4), bank, 16, 3, BodyAugmentation(mirror=0, as_captured=0))
    assert np.abs(bent - captured).max() > 0.1


def test_limbs_are_straightened_and_joints_defined_otherwise(bank: Bank) -> None:
    captured, *_ = augment(np.random.default_rng(4), bank, 256, 2, NOTHING)
    bent, *_ = augment(np.random.default_rng(4), bank, 256, 2, replace(NOTHING, bend_limbs=1, bend_sigma_rad=0.6))
    straight, *_ = augment(
        np.random.default_rng(4), bank, 256, 2, replace(NOTHING, bend_limbs=1, bend_sigma_rad=0.6, straight=1)
    )
    knee = [np.median((poses[..., 1, :] * poses[..., 2, :]).sum(-1)) for poses in (bent, straight)]
    assert knee[0] < 0.96 < 0.98 < knee[1]
    other, *_ = augment(np.random.default_rng(4), bank, 256, 2, replace(NOTHING, definitions=1, definition_rad=0.1))
    np.testing.assert_allclose(np.linalg.norm(other, axis=-1), 1, atol=1e-5)
    shoulders = other[..., 10, :] + other[..., 13, :]  # alike left and right: they stay opposite across the trunk
    assert np.abs(shoulders[..., 0]).max() < 0.05
    assert np.abs(other - captured).max() > 0.1


def test_targets_project_onto_the_features(bank: Bank) -> None:
    features, targets = sample(np.random.default_rng(0), bank, 16, 3, Sampling(NOTHING, CameraRange(), CLEAN))
    direction = targets[..., 10, :2] / np.linalg.norm(targets[..., 10, :2], axis=-1, keepdims=True)
    seen = features[..., 10, :2] / np.linalg.norm(features[..., 10, :2], axis=-1, keepdims=True)
    np.testing.assert_allclose(seen, direction, atol=1e-3)
