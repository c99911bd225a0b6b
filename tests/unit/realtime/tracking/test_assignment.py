"""Everybody gets somebody of their own, at the least cost in all."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from realtime.tracking.assignment import NOBODY, assign

COSTS = st.tuples(st.integers(1, 8), st.integers(0, 12)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(-20, 60) | st.just(math.inf))
)
LEAVE = 25.0


def price(cost: np.ndarray, columns: list[int]) -> float:
    return sum(LEAVE if column == NOBODY else float(cost[row, column]) for row, column in enumerate(columns))


@settings(deadline=None)
@given(COSTS)
def test_no_two_rows_share_a_column_and_nothing_impossible_is_paid(cost: np.ndarray) -> None:
    columns = assign(cost.tolist(), LEAVE)
    taken = [column for column in columns if column != NOBODY]
    assert len(columns) == len(cost)
    assert len(set(taken)) == len(taken)
    assert all(cost[row, column] <= LEAVE for row, column in enumerate(columns) if column != NOBODY)


@settings(deadline=None)
@given(COSTS)
def test_it_costs_what_scipy_pays(cost: np.ndarray) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rows = len(cost)
    whole = np.hstack([np.where(cost <= LEAVE, cost, 1e6), np.where(np.eye(rows) > 0, LEAVE, 1e6)])
    at = optimize.linear_sum_assignment(whole)
    assert price(cost, assign(cost.tolist(), LEAVE)) == pytest.approx(float(whole[at].sum()))


@settings(deadline=None)
@given(hnp.arrays(np.float64, (4, 5), elements=st.floats(-20, 20)))
def test_it_costs_the_least_of_all_ways(cost: np.ndarray) -> None:
    least = min(sum(cost[row, column] for row, column in enumerate(way)) for way in permutations(range(5), 4))
    assert price(cost, assign(cost.tolist(), LEAVE)) <= least + 1e-9


def test_nobody_is_seen_or_nobody_is_known() -> None:
    assert assign([], LEAVE) == []
    assert assign([[], []], LEAVE) == [NOBODY, NOBODY]
