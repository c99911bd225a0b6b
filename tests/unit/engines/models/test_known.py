"""What is known of a person besides the frames reaches the model as it was told, and nothing where nothing is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.models.known import GROUPS, KNOWN_FEATURES, SPREAD, USUAL_M, Known, known, sure_up
from engines.models.normalise import FRAME_FEATURES, turn_to
from engines.models.view import View, sequence_features

RAYS = np.random.default_rng(0).normal(0, 0.2, (1, 5, 17, 2)).astype(np.float32)
SCORE = np.ones((1, 5, 17), np.float32)


def test_nothing_known_is_zeros() -> None:
    assert not np.any(Known().rows(turn_to((0.1, 0.2))))
    assert not np.any(known(USUAL_M, SPREAD).bones)
    assert not np.any(known(USUAL_M, SPREAD).sure)


@given(st.floats(0.3, 3))
def test_the_size_of_a_body_says_nothing(size: float) -> None:
    lengths = [1.2 * metres if group == 8 else metres for group, metres in enumerate(USUAL_M)]
    one, other = known(lengths, SPREAD), known([size * length for length in lengths], SPREAD)
    assert one.bones == pytest.approx(other.bones, abs=1e-6)
    assert one.bones[8] == pytest.approx(math.log(1.2) / SPREAD[8])


def test_up_is_turned_into_the_view_and_shrinks_with_its_error() -> None:
    rotation = turn_to((0.5, -0.3))
    up = Known(up=sure_up((0.0, -1.0, 0.0), 0.0)).rows(rotation)[3][2:]
    assert up == pytest.approx([-row[1] for row in rotation])
    assert math.hypot(*sure_up((0.0, -1.0, 0.0), math.radians(8))) < 0.3


def test_features_of_a_frame_go_before_what_is_known_and_stay_the_same() -> None:
    told = Known(bones=[1.0] * len(GROUPS), sure=[0.5] * len(GROUPS))
    plain, _ = sequence_features(RAYS, SCORE, wanted=FRAME_FEATURES)
    without, _ = sequence_features(RAYS, SCORE)
    with_it, _ = sequence_features(RAYS, SCORE, [[told] * 5])
    np.testing.assert_array_equal(without[..., :FRAME_FEATURES], plain)
    np.testing.assert_array_equal(with_it[..., :FRAME_FEATURES], plain)
    assert not without[..., FRAME_FEATURES:].any()
    assert (with_it[..., 1:, FRAME_FEATURES] == 1).all()
    assert with_it.shape[-1] == FRAME_FEATURES + KNOWN_FEATURES
    view = View()
    view.known = told
    live = [view.push(rays, score)[0] for rays, score in zip(RAYS[0].tolist(), SCORE[0].tolist(), strict=True)]
    np.testing.assert_allclose(live, with_it[0], rtol=1e-6)
