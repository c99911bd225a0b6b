"""The keypoints' wobble: alike frame by frame and for whole sequences, small for true motion, large for jitter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.models.normalise import WOBBLE
from engines.models.view import View, sequence_features


def walkers(rng: np.random.Generator, people: int, frames: int, jitter: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (B, T, 17, 2) that swing slowly, with white noise of `jitter`, a share of the person's extent."""
    at = np.arange(frames)[:, None, None] / 30
    still = rng.normal(0, 0.1, (people, 1, 17, 2))
    swing = 0.03 * np.sin(2 * np.pi * (at + rng.random((people, 1, 17, 2))))
    rays = still + swing + rng.normal(0, 0.14 * jitter, (people, frames, 17, 2))
    return rays.astype(np.float32), np.ones((people, frames, 17), np.float32)


def of_sequence(rays: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(B, T)"""
    features, _ = sequence_features(rays, score)
    assert (features[..., WOBBLE] == features[..., :1, WOBBLE]).all()
    return features[..., 0, WOBBLE]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 12), missing=st.sampled_from([0.0, 0.01, 0.3]),
    jitter=st.floats(0, 0.2),
)  # fmt: skip
def test_a_stream_is_given_what_a_sequence_is(seed: int, frames: int, missing: float, jitter: float) -> None:
    rng = np.random.default_rng(seed)
    rays, score = walkers(rng, 1, frames, jitter)
    rays[rng.random(score.shape) < missing] = np.nan
    view, values = View(), []
    for frame in range(frames):
        features, _ = view.push(rays[0, frame].tolist(), score[0, frame].tolist())
        values.append(features[0][WOBBLE])
    np.testing.assert_allclose(values, of_sequence(rays, score)[0], atol=1e-4)


def test_a_detectors_jitter_is_told_from_motion() -> None:
    rng = np.random.default_rng(0)
    true, noisy = (of_sequence(*walkers(rng, 8, 40, jitter))[:, 20:] for jitter in (0, 0.05))
    assert true.max() < 0.5
    assert noisy.min() > 0.9


@pytest.mark.parametrize("joint", [0, 6, 13])
def test_a_joint_that_comes_and_goes_is_no_wobble(joint: int) -> None:
    """The hip, which the view is centred on, and others, which its scale depends on."""
    rays, score = walkers(np.random.default_rng(1), 1, 90)
    steady = of_sequence(rays, score)[0, -1]
    rays[:, ::10, joint] = np.nan
    assert of_sequence(rays, score)[0, -1] == pytest.approx(steady, abs=0.05)


def test_one_leap_is_soon_forgotten() -> None:
    rays, score = walkers(np.random.default_rng(2), 1, 120)
    steady = of_sequence(rays, score)[0, 80]
    rays[:, 40] += np.random.default_rng(3).normal(0, 0.15, (17, 2))
    leapt = of_sequence(rays, score)[0]
    assert leapt[43] > 0.9
    assert leapt[75] < 0.5
    assert steady < 0.1
