"""The published measures against poses made by hand and against what must hold for any poses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Rotation = pytest.importorskip("scipy.spatial.transform").Rotation

from engines.evaluation.metrics import PCK_JOINTS, Metrics, auc, best_scale, measure, mpjpe, pck, procrustes  # noqa: E402

Double = NDArray[np.float64]
seeds = st.integers(0, 10_000)


def poses(seed: int, sequences: int = 2, frames: int = 5) -> Double:
    out = np.random.default_rng(seed).normal(0, 0.3, (sequences, frames, 17, 3))
    out[..., 0, :] = 0
    return out


def score(predicted: Double, true: Double, **more: NDArray[np.generic] | int) -> Metrics:
    return measure(predicted, true, **more).metrics()  # type: ignore[arg-type]


def test_one_joint_off_by_34_mm_is_2_mm_mpjpe() -> None:
    true = poses(0)
    off = true.copy()
    off[:, :, 13, 1] += 0.034
    result = score(off, true)
    assert result.mpjpe_mm == pytest.approx(2)
    assert result.mpjve_mm == pytest.approx(0, abs=1e-9)
    assert result.frames == 10
    assert measure(off, true).joint_mpjpe_mm()[13] == pytest.approx(34)


def test_velocity_and_acceleration_of_a_sawtooth() -> None:
    true = np.zeros((1, 6, 17, 3))
    off = true.copy()
    off[:, ::2, :, 0] = 0.010  # 10, 0, 10, 0 ... mm
    result = score(off, true)
    assert result.mpjve_mm == pytest.approx(10)
    assert result.accel_mm == pytest.approx(20)


def test_pck_and_auc_by_hand() -> None:
    errors = np.full((1, 1, 17), 0.2)
    errors[..., PCK_JOINTS[:7]] = 0.0301
    errors[..., (0, 7, 9)] = 0.0  # hip, spine and nose do not count
    assert pck(errors) == pytest.approx(50)
    assert auc(errors) == pytest.approx(50 * 24 / 31)  # nearer than 35, 40, ... 150 mm: 24 of 31 thresholds
    assert pck(np.full((1, 17), 0.150)) == 0  # strictly nearer, as the public script has it


def test_bone_length_deviation_and_jitter() -> None:
    true = poses(1, 1, 4)
    stretched = true * np.array((1.0, 1.2, 1.0, 1.2))[None, :, None, None]
    result = measure(stretched, true)
    lengths = np.linalg.norm(true[0, :, 1] - true[0, :, 0], axis=-1)
    assert result.bone[0, 1, 0] == pytest.approx(0.2 * lengths[1])
    steady = np.repeat(true[:, :1], 4, axis=1)
    assert score(steady, steady).bone_jitter_mm == pytest.approx(0, abs=1e-9)
    swinging = steady * np.array((0.9, 1.1, 0.9, 1.1))[None, :, None, None]
    assert measure(swinging, steady).bone_jitter[0, 0] == pytest.approx(0.1 * lengths[0])


def test_sigma_coverage_counts_joints_but_the_hip() -> None:
    true = poses(2)
    off = true.copy()
    off[..., 1:, 2] += 0.03
    sigma = np.full(true.shape[:-1], 0.02)
    sigma[..., 1:9] = 0.04
    result = score(off, true, sigma=sigma)
    assert result.coverage_1sigma == pytest.approx(50)
    assert result.coverage_2sigma == pytest.approx(100)
    assert np.isnan(score(off, true).coverage_1sigma)


def test_sigma_is_of_errors_about_the_hip_whatever_poses_are_scored_about() -> None:
    true = poses(3)
    off = true.copy()
    off[..., 1:, 2] += 0.03  # all but the hip, so that about the thorax nothing is wrong but the hip
    result = score(off, true, sigma=np.full(true.shape[:-1], 0.02), origin=8)
    assert result.mpjpe_mm == pytest.approx(30 / 17)
    assert result.coverage_1sigma == pytest.approx(0)


def test_a_bowing_trunk_and_a_bent_knee_are_told_in_degrees() -> None:
    true = np.zeros((1, 1, 17, 3))
    true[0, 0, 1:4, 1] = 0.1, 0.5, 0.9  # y down: a straight leg, and one that kneels
    true[0, 0, 4:7] = (0.2, 0.1, 0), (0.2, 0.5, 0), (0.2, 0.5, 0.4)
    true[0, 0, 8] = 0, -0.5, 0
    true[0, 0, 11:14, 1] = -0.5, -0.2, 0.1
    true[0, 0, 14:17, 1] = -0.5, -0.2, 0.1
    off = true.copy()
    off[0, 0, 8] = 0, -0.5 * np.cos(np.radians(12)), 0.5 * np.sin(np.radians(12))
    off[0, 0, 3] = 0, 0.5 + 0.4 * np.cos(np.radians(20)), 0.4 * np.sin(np.radians(20))
    result = measure(off, true)
    assert result.trunk_deg[0, 0] == pytest.approx(12)
    assert result.straight_deg[0, 0] == pytest.approx((20, np.nan, 0, 0), abs=1e-5, nan_ok=True)  # right, left; elbows


def test_gaussian_radial_errors_are_covered_as_their_sigma_says() -> None:
    rng = np.random.default_rng(3)
    true = poses(3, 40, 50)
    sigma = rng.uniform(0.01, 0.1, true.shape[:-1])
    direction = rng.normal(size=true.shape)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    off = true + direction * (np.abs(rng.normal(size=sigma.shape)) * sigma)[..., None]
    result = score(off, true, sigma=sigma)
    assert result.coverage_1sigma == pytest.approx(68.3, abs=1)
    assert result.coverage_2sigma == pytest.approx(95.4, abs=1)


def test_frames_and_joints_that_are_not_scored_do_not_count() -> None:
    true, off = poses(4), poses(4)
    off[0, 3:] = np.nan
    off[:, :, 9] += 5
    valid = np.ones((2, 5), bool)
    valid[0, 3:] = False
    result = measure(off, true, valid=valid, joints=np.arange(17) != 9)
    assert result.metrics().frames == 8
    assert result.metrics().mpjpe_mm == 0
    assert result.metrics().p_mpjpe_mm == pytest.approx(0, abs=1e-9)
    assert np.isnan(result.joint_mpjpe_mm()[9])
    assert np.isnan(result.metrics(np.array((False, False))).mpjpe_mm)


def test_a_reflection_is_not_aligned_away() -> None:
    true = poses(5)
    assert score(true * (-1, 1, 1), true).p_mpjpe_mm > 50


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        measure(poses(0), poses(0, 3))


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0.2, 5), st.tuples(*[st.floats(-3, 3)] * 6))
def test_p_mpjpe_ignores_any_similarity(seed: int, scale: float, moved: tuple[float, ...]) -> None:
    true, guess = poses(seed), poses(seed + 1)
    turned = scale * guess @ Rotation.from_rotvec(moved[:3]).as_matrix().T + np.array(moved[3:])
    assert score(turned, true).p_mpjpe_mm == pytest.approx(score(guess, true).p_mpjpe_mm, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0.05, 20))
def test_n_mpjpe_ignores_scale(seed: int, scale: float) -> None:
    true, guess = poses(seed), poses(seed) + 0.1 * poses(seed + 1)
    assert score(scale * guess, true).n_mpjpe_mm == pytest.approx(score(guess, true).n_mpjpe_mm, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(seeds, seeds)
def test_the_fits_are_of_least_squares(seed: int, other: int) -> None:
    """No scale beats `best_scale`, no similarity nearby beats `procrustes`, in the sum of squares."""
    true = poses(seed)[0]
    guess = true + 0.5 * poses(other)[0]

    def squares(fitted: Double) -> Double:
        return np.asarray((mpjpe(fitted, true) ** 2).sum(-1))

    scaled, aligned = best_scale(guess, true), procrustes(guess, true)
    rng = np.random.default_rng(seed)
    nearby = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix()
    centre = aligned.mean(1, keepdims=True)
    assert (squares(scaled) <= squares(scaled * 1.01) + 1e-12).all()
    assert (squares(scaled) <= squares(scaled * 0.99) + 1e-12).all()
    assert (squares(aligned) <= squares((aligned - centre) @ nearby.T + centre) + 1e-12).all()
    assert (squares(aligned) <= squares((aligned - centre) * 1.01 + centre + rng.normal(0, 0.01, 3)) + 1e-12).all()
    assert (squares(aligned) <= squares(scaled) + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_the_truth_has_no_error_and_order_holds(seed: int) -> None:
    true, guess = poses(seed), poses(seed) + 0.2 * poses(seed + 7)
    exact = score(true, true)
    assert exact.mpjpe_mm == exact.mpjve_mm == exact.bone_error_mm == 0
    assert exact.p_mpjpe_mm == pytest.approx(0, abs=1e-6)
    assert exact.pck150 == 100
    assert exact.auc == pytest.approx(100 * 30 / 31)  # nothing is nearer than 0
    result = score(guess, true)
    assert 0 <= result.auc <= result.pck150 <= 100


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_batching_changes_nothing(seed: int) -> None:
    true, guess = poses(seed, 3), poses(seed + 3, 3)
    whole = measure(guess, true)
    for row in range(3):
        single = measure(guess[row : row + 1], true[row : row + 1])
        np.testing.assert_allclose(whole.procrustes[row], single.procrustes[0], atol=1e-12)
        np.testing.assert_allclose(whole.velocity[row], single.velocity[0])
