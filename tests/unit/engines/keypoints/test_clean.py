"""Joints that cannot be where they are seen are left out, and only those."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.keypoints.clean import COAST_S, Cleaned, Cleaner, clean_sequences
from engines.models.normalise import MIN_SCORE
from tests.support.people_in_view import rays_of, stepping

SURE = np.ones(17, np.float32)


def cleaned(rays: np.ndarray, score: np.ndarray | None = None, rate_hz: float = 30.0) -> list[Cleaned]:
    cleaner = Cleaner()
    scores = np.ones(rays.shape[:2], np.float32) if score is None else score
    return [cleaner.push(frame / rate_hz, rays[frame], scores[frame]) for frame in range(len(rays))]


@pytest.mark.parametrize("rate_hz", [60.0, 30.0, 15.0, 5.0])
def test_what_can_be_is_passed_on_untouched(rate_hz: float) -> None:
    rays = rays_of(stepping(120, rate_hz))
    for frame, one in enumerate(cleaned(rays, rate_hz=rate_hz)):
        assert one.rays is not None
        np.testing.assert_array_equal(one.rays, rays[frame])
        assert one.seen == (True,) * 17
        assert one.left_out == 0


@settings(max_examples=40, deadline=None)
@given(
    joint=st.sampled_from([3, 6, 13, 16, 2, 12]), score=st.sampled_from([0.3, 0.9]), frames=st.sampled_from([1, 30]),
    x=st.floats(-0.9, 0.9), y=st.floats(-0.6, 0.6),
)  # fmt: skip
def test_a_stray_joint_is_left_out_for_as_long_as_it_strays(
    joint: int, score: float, frames: int, x: float, y: float
) -> None:
    rays = rays_of(stepping(90))
    scores = np.ones((90, 17), np.float32)
    true = rays.copy()
    rays[40 : 40 + frames, joint], scores[40 : 40 + frames, joint] = (x, y), score
    far = np.linalg.norm(true[40 : 40 + frames] - np.array([x, y]), axis=-1).min()
    seen = cleaned(rays, scores)
    others = [other for other in range(17) if other != joint]
    for frame, one in enumerate(seen):
        np.testing.assert_array_equal(one.rays[others], true[frame, others])
    if far > 0.45:  # over a metre from every joint of the person
        assert not any(seen[frame].seen[joint] for frame in range(40, 40 + frames))
        assert all(one.seen[joint] for one in seen[40 + frames + 1 :])


def test_a_joint_that_is_not_seen_goes_on_for_a_moment() -> None:
    rays, scores = rays_of(stepping(60)), np.ones((60, 17), np.float32)
    true = rays.copy()
    rays[30:, 16], scores[30:, 16] = np.nan, 0
    seen = cleaned(rays, scores)
    assert np.linalg.norm(seen[31].rays[16] - true[31, 16]) < 0.02
    trust = [one.score[16] for one in seen[29:45]]
    assert trust == sorted(trust, reverse=True)
    gone = 30 + int(COAST_S * 30)
    assert all(np.isnan(one.rays[16]).all() and one.score[16] == 0 for one in seen[gone:])
    assert all(one.score[16] >= MIN_SCORE for one in seen[30:33])
    assert not any(one.seen[16] for one in seen[30:])


def test_a_joint_that_stays_where_it_leapt_to_is_believed() -> None:
    rays = np.repeat(rays_of(stepping(1)), 60, 0)
    rays[30:, 16] += (0.05, -0.15)  # a hand that was lost for a while and is found where it can be
    seen = cleaned(rays)
    assert not seen[30].seen[16]
    assert all(one.seen[16] for one in seen[40:])


def test_a_person_seen_elsewhere_is_believed_soon() -> None:
    rays = np.repeat(rays_of(stepping(1)), 60, 0)
    rays[30:] += (0.4, 0.0)
    assert all(all(one.seen) for one in cleaned(rays)[38:])


def test_sequences_are_cleaned_as_streams_are_and_slow_cameras_by_their_own_frames() -> None:
    rays = np.stack([rays_of(stepping(31)), rays_of(stepping(31, swing=0.2))])
    rays[:, 12, 16] += 0.6
    score = np.ones(rays.shape[:3], np.float32)
    whole, trust = clean_sequences(rays, score)
    for row in range(2):
        for frame, one in enumerate(cleaned(rays[row])):
            np.testing.assert_array_equal(whole[row, frame], one.rays)
            np.testing.assert_array_equal(trust[row, frame], one.score)
    slow, _ = clean_sequences(rays, score, every=[6, 1])
    assert (slow[0, 12, 16] != rays[0, 12, 16]).any()  # a frame of its own
    between = np.delete(np.arange(31), [*range(0, 31, 6)])
    np.testing.assert_array_equal(slow[0, between], rays[0, between])


def test_nobody_is_nobody() -> None:
    nothing = Cleaner().push(0.0, np.full((17, 2), np.nan, np.float32), np.zeros(17, np.float32))
    assert not any(nothing.seen)
    assert np.isnan(nothing.rays).all()


def test_a_face_alone_is_passed_on_as_it_moves() -> None:
    rays = rays_of(stepping(60)) + np.linspace(0, 1, 60)[:, None, None].astype(np.float32) * (0.4, 0.1)
    rays[:, [joint for joint in range(17) if joint not in (9, 10)]] = np.nan
    for frame, one in enumerate(cleaned(rays.astype(np.float32))):
        assert one.seen == tuple(joint in (9, 10) for joint in range(17))
        np.testing.assert_array_equal(one.rays, rays[frame].astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1e-6, 0.1, 10.0, 1e18]), missing=st.floats(0, 1))
def test_whatever_comes_in_something_sound_comes_out(seed: int, size: float, missing: float) -> None:
    rng, cleaner, time_s = np.random.default_rng(seed), Cleaner(), 0.0
    for _ in range(12):
        time_s += rng.choice([-1.0, 0.0, 0.001, 0.033, 0.2, 5.0])
        rays = rng.normal(0, size, (17, 2)).astype(np.float32)
        rays[rng.random(17) < missing] = np.nan
        score = rng.uniform(0, 1, 17).astype(np.float32)
        one = cleaner.push(time_s, rays, score)
        known = np.isfinite(one.rays).all(-1) & (one.score >= MIN_SCORE)
        assert known[list(one.seen)].all()
        assert ((one.score >= 0) & (one.score <= 1)).all()
        assert 0 <= one.doubt <= 1
        assert len(one.seen) == 17
