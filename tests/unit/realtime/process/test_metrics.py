from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.process.metrics import Percentiles, Rate, Stages

values = st.lists(st.floats(0, 1000, width=32), min_size=1, max_size=50)


@given(values=values, capacity=st.integers(1, 20), recent=st.integers(1, 60))
def test_percentiles_are_those_of_the_values_kept(values: list[float], capacity: int, recent: int) -> None:
    percentiles = Percentiles(capacity)
    for value in values:
        percentiles.add(value)
    kept = np.array(values[-capacity:], np.float32)
    np.testing.assert_allclose(percentiles.at((50, 99)), np.percentile(kept, (50, 99)), rtol=1e-6)
    np.testing.assert_allclose(percentiles.at((50,), recent), np.percentile(kept[-recent:], (50,)), rtol=1e-6)


def test_nothing_measured_is_nan_and_left_out() -> None:
    assert all(math.isnan(v) for v in Percentiles(4).at((50, 99)))
    stages = Stages(("detect", "lift"))
    stages.add(detect=40.0)
    assert stages.summary() == {"detect": {"p50": 40.0, "p99": 40.0}}
    assert stages.recent() == {"detect": 40.0}


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(KeyError):
        Stages(("detect",)).add(lift=1.0)


def test_rate_of_regular_events_and_of_silence() -> None:
    rate = Rate(window=10)
    for frame in range(100):
        rate.tick(frame * 40_000_000)
    now = 99 * 40_000_000
    assert rate.recent(now) == pytest.approx(25)
    assert rate.mean() == pytest.approx(25)
    assert rate.recent(now + 2_000_000_000) == pytest.approx(0.5)


def test_rate_of_too_few_events_is_zero() -> None:
    rate = Rate()
    assert rate.recent(0) == rate.mean() == 0.0
    rate.tick(5)
    assert rate.recent(5) == rate.mean() == 0.0
