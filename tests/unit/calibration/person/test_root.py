from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.person.root import place_root, solve_root
from calibration.person.root_filter import RootFilter

Array = NDArray[np.float32]
POSE = np.array([
    [0, 0, 0], [-0.13, 0, 0.02], [-0.14, 0.42, -0.1], [-0.15, 0.82, 0.1], [0.13, 0, -0.02], [0.14, 0.43, 0.05],
    [0.13, 0.84, 0.2], [0, -0.22, 0.02], [0, -0.45, 0.03], [0, -0.55, -0.02], [0, -0.65, 0], [0.15, -0.44, 0.03],
    [0.25, -0.2, 0.1], [0.28, 0.02, -0.1], [-0.15, -0.44, 0.03], [-0.26, -0.2, 0.05], [-0.3, 0.05, -0.15],
], np.float32)
SIGMA = np.full((1, 17), 0.03, np.float32)
SURE = np.ones((1, 17), np.float32)


def seen_from(root: NDArray[np.float64], pose: Array = POSE) -> Array:
    points = pose + root[..., None, :]
    return np.asarray(points[..., :2] / points[..., 2:], np.float32)


@settings(max_examples=100, deadline=None)
@given(st.floats(-3, 3), st.floats(-2, 2), st.floats(1.2, 30), st.sets(st.integers(0, 16), max_size=9))
def test_perfect_keypoints_give_the_exact_root_whatever_is_missing(
    x: float, y: float, z: float, missing: set[int]
) -> None:
    root = np.array([[x, y, z]])
    rays, score = seen_from(root), SURE.copy()
    for i, joint in enumerate(missing):
        if i % 2:
            rays[0, joint] = np.nan
        else:
            rays[0, joint] = 99.0
            score[0, joint] = 0.05
    placed = place_root(rays, score, POSE[None], SIGMA)
    assert placed.dtype == np.float32
    if np.isfinite(placed).all():
        np.testing.assert_allclose(placed, root, rtol=2e-3, atol=5e-3)
    else:
        assert missing


def test_one_wild_joint_hardly_moves_the_root() -> None:
    root = np.array([[0.3, 0.1, 4.0]])
    rays = seen_from(root)
    rays[0, 16] += 0.25  # a wrist a metre off
    assert np.linalg.norm(place_root(rays, SURE, POSE[None], SIGMA) - root) < 0.25


def test_people_are_placed_independently() -> None:
    roots = np.array([[0, 0, 3.0], [1, 0, 5], [np.nan, 0, 4], [-1, 0.4, 8]])
    rays = seen_from(roots)
    together = place_root(rays, np.repeat(SURE, 4, 0), np.repeat(POSE[None], 4, 0), np.repeat(SIGMA, 4, 0))
    np.testing.assert_allclose(together[[0, 1, 3]], roots[[0, 1, 3]], atol=1e-3)
    assert np.isnan(together[2]).all()


@pytest.mark.parametrize("root", [[0, 0, -3.0], [0, 0, 80.0], [0, 0, 0.1]])
def test_no_root_behind_the_camera_or_out_of_range(root: list[float]) -> None:
    assert np.isnan(place_root(seen_from(np.array([root])), SURE, POSE[None], SIGMA)).all()


@pytest.mark.parametrize(("nearest_m", "placed"), [(0.05, False), (0.09, False), (0.11, True), (0.2, True)])
def test_nobody_stands_with_a_hand_behind_the_lens(nearest_m: float, placed: bool) -> None:
    """Depth and certainty are those of anybody half a metre away: only the hand is too near."""
    root, pose = np.array([[0, 0, 0.5]]), POSE / 4
    pose[13, 2] = nearest_m - 0.5
    guess = solve_root(seen_from(root, pose), SURE, pose[None], np.full((1, 17), 0.005))
    assert np.isfinite(guess.root_m).all() == placed
    assert guess.sigma_depth_m[0] < 0.5


def test_the_less_is_seen_the_less_is_known_and_of_nothing_nothing() -> None:
    rays = seen_from(np.array([[0, 0, 3.0]]))
    desk, line = np.zeros((1, 17), np.float32), np.zeros((1, 17), np.float32)
    desk[0, 8:], line[0, [9, 10, 8]] = 1, 1
    whole, upper, few = (solve_root(rays, score, POSE[None], SIGMA) for score in (SURE, desk, line))
    assert whole.sigma_depth_m < upper.sigma_depth_m < few.sigma_depth_m
    for some in (whole, upper, few):
        np.testing.assert_allclose(some.root_m, [[0, 0, 3.0]], atol=1e-3)
    assert np.isnan(place_root(np.zeros((1, 17, 2), np.float32), SURE, POSE[None], SIGMA)).all()
    assert np.isnan(place_root(rays * np.nan, SURE, POSE[None], SIGMA)).all()
    assert place_root(rays[:0], SURE[:0], POSE[None][:0], SIGMA[:0]).shape == (0, 3)


def test_head_and_shoulders_at_the_border_are_enough_when_the_pose_is_known() -> None:
    root = np.array([[0.2, 0.9, 1.8]])
    score = SURE.copy()
    score[0, :8] = 0.0
    np.testing.assert_allclose(place_root(seen_from(root), score, POSE[None], SIGMA), root, rtol=1e-3)


def test_stated_depth_error_is_of_the_size_of_the_real_one() -> None:
    rng = np.random.default_rng(0)
    root = np.tile([[0.5, 0.0, 5.0]], (2000, 1))
    noise = rng.normal(0, 0.02, (2000, 4, 3))[:, rng.permutation(np.arange(17) % 4)]  # joints that err together
    guess = solve_root(seen_from(root), np.ones((2000, 17)), POSE + noise, np.full((2000, 17), 0.02))
    ratio = np.std(guess.root_m[:, 2]) / np.median(guess.sigma_depth_m)
    assert 0.2 < ratio < 1.5


def walk(filtered: RootFilter, noise: float, frames: int = 90, seed: int = 0) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / 30
    truth = np.stack([-1.5 + 1.0 * t, 0 * t, 6 - 0.8 * t], 1)
    measured = truth + rng.normal(0, noise, truth.shape) * [0.1, 0.1, 1]
    depth, lateral = max(noise, 0.01), max(noise / 10, 0.005)
    out = [filtered.update(int(i * 1e9 / 30), measured[i], depth, lateral) for i in range(frames)]
    return truth, measured, np.array(out)


def test_filter_follows_a_steady_walk_without_lag() -> None:
    truth, _, out = walk(RootFilter(), 0.0)
    assert np.abs(out - truth)[30:].max() < 0.01


@pytest.mark.parametrize(("axis", "largest_m"), [(0, 0.02), (2, 0.06)])
def test_filter_is_behind_a_sudden_start_by_no_more_than_it_says(axis: int, largest_m: float) -> None:
    filtered = RootFilter()
    behind = []
    for i in range(120):
        root = np.array([0, 0, 5.0])
        root[axis] += max(0, i - 60) / 30
        behind.append(abs(root[axis] - filtered.update(int(i * 1e9 / 30), root, 0.2, 0.03)[axis]))
    assert max(behind) < largest_m
    assert behind[-1] < 0.01


class TextbookFilter:
    """One axis of it in matrices, as in any book: constant velocity, white acceleration; a surprise is doubted."""

    def __init__(self, place: float, variance: float) -> None:
        self.state, self.covariance = np.array([place, 0.0]), np.diag([variance, 1.0])

    def predict(self, dt: float, psd: float = 3.0) -> None:
        move = np.array([[1, dt], [0, 1]])
        self.state = move @ self.state
        noise = psd * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        self.covariance = move @ self.covariance @ move.T + noise

    def correct(self, surprise: float, variance: float, share: float = 1.0) -> None:
        gain = self.covariance[:, 0] / (self.covariance[0, 0] + variance)
        self.state = self.state + share * gain * surprise
        self.covariance = self.covariance - np.outer(gain, self.covariance[0])


@pytest.mark.parametrize(("spike_sigmas", "is_doubted"), [(0.0, False), (3.99, False), (4.05, True), (8.0, True)])
def test_filter_is_the_textbooks_along_and_across(spike_sigmas: float, is_doubted: bool) -> None:
    """Errors that are as long along the ray as across it: each axis is then a filter of its own."""
    rng, sigma, dt = np.random.default_rng(3), 0.003, 0.03125
    roots = np.array([0.2, -0.1, 4.0]) + rng.normal(0, sigma / 2, (60, 3))
    filtered, textbook = RootFilter(), [TextbookFilter(place, sigma**2) for place in roots[0]]
    filtered.update(0, tuple(roots[0]), sigma, sigma)
    for i, root in enumerate(roots[1:], 1):
        for axis in textbook:
            axis.predict(dt)
        known = textbook[0].covariance[0, 0] + sigma**2
        expected = np.array([axis.state[0] for axis in textbook])
        spiked = i == 45 and spike_sigmas > 0
        surprise = np.array([0.0, spike_sigmas * np.sqrt(known), 0.0]) if spiked else root - expected
        distance2 = float(surprise @ surprise) / known
        doubt = distance2 / 4 if distance2 > 16 else 1.0
        assert not spiked or (doubt > 1) == is_doubted
        step_m = np.linalg.norm(surprise) * (known - sigma**2) / (known + sigma**2 * (doubt - 1))
        for axis, off in zip(textbook, surprise, strict=True):
            axis.correct(off, sigma**2 * doubt, min(1.0, 0.8 * dt / step_m))
        out = filtered.update(round(i * dt * 1e9), tuple(expected + surprise), sigma, sigma)
        np.testing.assert_allclose(out, [axis.state[0] for axis in textbook], atol=1e-9)


def test_filter_weighs_a_depth_by_its_own_error() -> None:
    filtered, textbook = RootFilter(), TextbookFilter(4.0, 0.2**2)
    for i in range(40):
        z = 4.0 + 0.01 * np.sin(i)
        if i:
            textbook.predict(0.04)
            textbook.correct(z - textbook.state[0], 0.2**2)
            out = filtered.update(i * 40_000_000, (0.0, 0.0, z), 0.2, 0.01)
            np.testing.assert_allclose(out, (0, 0, textbook.state[0]), atol=1e-9)
        else:
            filtered.update(0, (0.0, 0.0, z), 0.2, 0.01)
    assert filtered.update(40 * 40_000_000, (np.nan,) * 3, 0.2, 0.01)[2] == pytest.approx(
        textbook.state[0] + 0.04 * textbook.state[1], abs=1e-9
    )


def test_who_has_been_seen_once_stands_still() -> None:
    filtered = RootFilter()
    filtered.update(0, (1.0, 0.5, 4.0), 0.1, 0.01)
    np.testing.assert_array_equal(filtered.update(100_000_000, (np.nan,) * 3, 1.0, 1.0), (1.0, 0.5, 4.0))


def test_a_measurement_moves_the_root_no_faster_than_people_go() -> None:
    filtered = RootFilter()
    filtered.update(0, (0.0, 0.0, 4.0), 0.1, 0.1)
    out = filtered.update(50_000_000, (0.3, 0.0, 4.0), 0.1, 0.1)
    assert np.linalg.norm(np.subtract(out, (0, 0, 4))) == pytest.approx(0.8 * 0.05)


def test_filter_takes_noise_away() -> None:
    truth, measured, out = walk(RootFilter(), 0.15)
    assert np.std((out - truth)[30:, 2]) < 0.6 * np.std((measured - truth)[30:, 2])


def test_filter_shrugs_off_one_outlier_and_follows_a_real_jump() -> None:
    filtered = RootFilter()
    for i in range(30):
        filtered.update(int(i * 1e9 / 30), np.array([0, 0, 4.0]), 0.1, 0.01)
    once = filtered.update(int(1e9), np.array([2.0, 0, 4]), 0.1, 0.01)
    assert abs(once[0]) < 0.2
    for i in range(31, 61):
        out = filtered.update(int(i * 1e9 / 30), np.array([2.0, 0, 4]), 0.1, 0.01)
    assert out[0] == pytest.approx(2.0, abs=0.05)


def test_filter_begins_anew_after_surprises_on_end_and_not_before() -> None:
    """It goes no faster than people do: where it is told eleven times that they are elsewhere, it is there at once."""
    filtered = RootFilter()
    for i in range(30):
        filtered.update(int(i * 1e9 / 30), (0.0, 0.0, 4.0), 0.1, 0.01)
    there = (3.0, 1.0, 9.0)
    out = [filtered.update(int(i * 1e9 / 30), there, 0.1, 0.01) for i in range(30, 41)]
    assert all(np.linalg.norm(np.subtract(place, there)) > 3 for place in out[:10])
    np.testing.assert_array_equal(out[10], there)


def test_surprises_between_which_all_is_well_begin_nothing_anew() -> None:
    filtered = RootFilter()
    for i in range(90):
        wild = i > 30 and i % 3 == 0
        out = filtered.update(int(i * 1e9 / 30), (3.0, 1.0, 9.0) if wild else (0.0, 0.0, 4.0), 0.1, 0.01)
        assert np.linalg.norm(np.subtract(out, (0, 0, 4))) < 1.5


def test_filter_predicts_through_a_short_gap_and_then_knows_nothing() -> None:
    filtered = RootFilter()
    truth, _, _ = walk(filtered, 0.0)
    nothing = np.full(3, np.nan)
    soon = filtered.update(int(90e9 / 30), nothing, 1.0, 1.0)
    np.testing.assert_allclose(soon, truth[-1] + [1 / 30, 0, -0.8 / 30], atol=0.02)
    assert np.isnan(filtered.update(int(4e9), nothing, 1.0, 1.0)).all()
    back = np.array([1.0, 0, 9])
    np.testing.assert_array_equal(filtered.update(int(4.1e9), back, 0.1, 0.1), back)
