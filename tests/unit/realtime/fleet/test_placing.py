"""Which worker gets which stream: the rule of the fleet and of its simulation."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.fleet.placing import NOWHERE, assign, emptier_of_two

worlds = st.tuples(st.integers(1, 12), st.integers(0, 60), st.integers(0, 2**32 - 1))


@given(worlds, st.data())
def test_everybody_gets_a_worker_that_takes_them_and_nobody_moves_without_need(
    world: tuple[int, int, int], data: st.DataObject
) -> None:
    workers, streams, seed = world
    rng = np.random.default_rng(seed)
    takes = np.array(data.draw(st.lists(st.booleans(), min_size=workers, max_size=workers)))
    takes[seed % workers] = True
    before = rng.integers(NOWHERE, workers, streams)
    after = assign(before, takes, rng)
    assert takes[after].all()
    loads = np.bincount(before[before >= 0], minlength=workers)
    moved = (before != after) & (before >= 0) & takes[before]  # though their worker takes them
    assert (loads[after[moved]] == 0).all()  # to one that had nothing
    assert (assign(after, takes, rng, relieve=False) == after).all()


@given(st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_of_two_workers_the_emptier_gets_the_stream(streams: int, seed: int) -> None:
    worker = assign(np.full(streams, NOWHERE), np.ones(2, bool), np.random.default_rng(seed))
    assert abs(int((worker == 0).sum()) - int((worker == 1).sum())) <= 1


@given(st.integers(2, 8), st.integers(1, 5))
def test_who_comes_gets_the_mean(workers: int, each: int) -> None:
    before = np.repeat(np.arange(workers), each * (workers + 1))
    after = assign(before, np.ones(workers + 1, bool), np.random.default_rng(0))
    assert np.bincount(after).tolist() == [each * workers] * (workers + 1)


def test_only_those_that_are_chosen_among_are_chosen() -> None:
    among = np.array([1, 3])
    chosen = emptier_of_two(np.zeros(5, np.int64), among, 100, np.random.default_rng(0))
    assert set(chosen.tolist()) == {1, 3}
    assert emptier_of_two(np.zeros(1, np.int64), np.array([0]), 3, np.random.default_rng(0)).tolist() == [0, 0, 0]
