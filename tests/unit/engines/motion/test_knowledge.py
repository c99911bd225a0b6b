"""What training tells of a body is what a memory of it would have, errors and all."""

from __future__ import annotations

import numpy as np

from engines.models.known import GROUP_OF, SPREAD, USUAL_M
from engines.motion.knowledge import Knowledge, draw_known


def test_what_is_known_of_a_body_is_as_good_as_it_says() -> None:
    rng = np.random.default_rng(0)
    usual = np.array([USUAL_M[group] for group in GROUP_OF[1:]])
    lengths = np.tile(usual * 1.1, (4000, 1)) * np.exp(rng.normal(0, 0.15, (4000, 1)) * (np.array(GROUP_OF[1:]) == 8))
    up = np.tile((0.0, -1.0, 0.0), (4000, 1, 1))
    drawn = [one[0] for one in draw_known(rng, lengths, up, Knowledge(bones_worse=1.0, up=0.5))]
    told = np.array([(one.bones[8], one.sure[8]) for one in drawn])
    assert 0.25 < (told[:, 1] == 0).mean() < 0.35  # nothing is known
    assert not told[told[:, 1] == 0, 0].any()
    true = np.log(lengths[:, 11] / 1.1 / USUAL_M[8]) / SPREAD[8]
    sure = told[:, 1] > 0.8
    assert np.abs(told[sure, 0] - true[sure]).mean() < 0.3 < np.abs(true[sure]).mean()
    assert 0.4 < np.mean([not any(one.up) for one in drawn]) < 0.6
