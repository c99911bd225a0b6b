"""A joint's wobble: alike frame by frame and for whole sequences, small for true motion, large for a detector's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.normalise import SEEN, WOBBLE, normalise
from engines.wobble import Wobble, sequence_features


def walkers(rng: np.random.Generator, people: int, frames: int, jitter: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (B, T, 17, 2) that swing slowly, with white noise of `jitter`, a share of the person's extent."""
    at = np.arange(frames)[:, None, None] / 30
    still = rng.normal(0, 0.1, (people, 1, 17, 2))
    swing = 0.03 * np.sin(2 * np.pi * (at + rng.random((people, 1, 17, 2))))
    rays = still + swing + rng.normal(0, 0.14 * jitter, (people, frames, 17, 2)) * (jitter > 0)
    return rays.astype(np.float32), np.ones((people, frames, 17), np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), people=st.integers(1, 4), frames=st.integers(1, 12), missing=st.floats(0, 0.5))
def test_streams_are_given_what_sequences_are(seed: int, people: int, frames: int, missing: float) -> None:
    """In slots of any order, whatever was in them before, with frames between that are not remembered."""
    rng = np.random.default_rng(seed)
    rays, score = walkers(rng, people, frames, jitter=0.05)
    rays[rng.random(score.shape) < missing] = np.nan
    expected, _ = sequence_features(rays, score)
    wobble, slots = Wobble(), [int(slot) for slot in rng.permutation(people)]
    wobble.grow(people)
    used, _ = sequence_features(*walkers(rng, people, 3, jitter=0.5))
    for frame in range(3):
        wobble.write(slots, [True] * people, used[:, frame].copy())
    for slot in slots:
        wobble.reset(slot)
    for frame in range(frames):
        features = normalise(rays[:, frame], score[:, frame])[0]
        wobble.write(slots, [False] * people, features)
        before = expected[:, frame - 1, :, WOBBLE] if frame else np.zeros((people, 17))
        np.testing.assert_allclose(features[..., WOBBLE], before, atol=1e-5)  # as it is remembered
        wobble.write(slots, [True] * people, features)
        np.testing.assert_allclose(features, expected[:, frame], atol=1e-4)


def test_a_detectors_jitter_is_told_from_motion() -> None:
    rng = np.random.default_rng(0)
    of_both = (sequence_features(*walkers(rng, 8, 40, jitter))[0][..., WOBBLE] for jitter in (0, 0.05))
    true, noisy = (each[:, 20:, 1:] for each in of_both)  # the hip is the origin, and rests
    assert np.quantile(true, 0.95) < 0 < np.quantile(noisy, 0.05)


def test_an_unseen_joint_keeps_its_wobble() -> None:
    rays, score = walkers(np.random.default_rng(1), 1, 30, jitter=0.1)
    rays[:, 12:20, 5] = np.nan
    features, _ = sequence_features(rays, score)
    of_joint = features[0, :, 5, WOBBLE]
    assert (features[0, 12:20, 5, SEEN] == 0).all()
    assert (of_joint[12:22] == of_joint[11]).all()  # two frames more until three in a row are seen
    assert of_joint[22] != of_joint[11]
