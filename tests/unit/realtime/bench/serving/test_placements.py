"""The simulation of streams on workers: each scheme keeps its promises, and the figures follow from the placements."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines.errors import UserError
from realtime.bench.serving.directory import bench_directory
from realtime.bench.serving.placements import ByNumber, ByRendezvous, ByTable, Gaps, Scheme, simulate

STREAMS, WORKERS, RACKS = 4000, 40, 4
GAPS = Gaps(0.5, 1.5, 1000.0, 0.1)


def schemes() -> list[Scheme]:
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**63, STREAMS, np.uint64)
    return [ByNumber(keys), ByRendezvous(keys, RACKS), ByTable(STREAMS, rng)]


@pytest.mark.parametrize("index", range(3))
def test_nobody_is_with_the_dead_and_the_same_workers_give_the_same(index: int) -> None:
    alive = np.arange(WORKERS) % 7 != 0
    first, again = schemes()[index], schemes()[index]
    worker = first.assign(alive, None)
    assert alive[worker].all()
    assert (again.assign(alive, None) == worker).all()


def test_where_a_rack_dies_only_its_streams_move_but_by_number() -> None:
    alive, fewer = np.ones(WORKERS, bool), np.arange(WORKERS) >= WORKERS // RACKS
    for scheme in schemes():
        before = scheme.assign(alive, None)
        after = scheme.assign(fewer, before)
        stayed = fewer[before]
        assert (after[stayed] == before[stayed]).all() == (scheme.name != "remainder"), scheme.name


def test_who_comes_gets_a_fair_share_and_only_what_it_gets_moves() -> None:
    fewer, alive = np.arange(WORKERS) >= WORKERS // RACKS, np.ones(WORKERS, bool)
    for scheme in schemes()[1:]:
        before = scheme.assign(fewer, None)
        after = scheme.assign(alive, before)
        moved = after != before
        assert (~fewer[after[moved]]).all(), scheme.name
        assert 0.9 < moved.sum() / (STREAMS / RACKS) < 1.1


def test_the_table_spreads_more_evenly_than_hashes() -> None:
    alive = np.ones(WORKERS, bool)
    spread = {scheme.name: np.bincount(scheme.assign(alive, None), minlength=WORKERS).std() for scheme in schemes()}
    assert spread["directory"] < 0.5 * min(spread["rendezvous"], spread["remainder"])


def test_pauses_are_noticing_queueing_and_filling_one_after_the_other() -> None:
    alone = GAPS.of(np.arange(1000), np.random.default_rng(0))  # each to a worker of its own
    assert 1.0 + 0.1 + 0.1 <= alone.min() <= alone.max() <= 1.5 + 1.0 + 0.1 + 0.1
    together = GAPS.of(np.zeros(1000, np.int64), np.random.default_rng(0))  # all to one
    assert 100.0 < together.max() < 103.0


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (
        json.dumps(simulate(STREAMS, WORKERS, RACKS, seed, GAPS, 60.0, lambda: None)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_command_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    bench_directory(2000, 20, 4, 0, 0.5, 1.5, 1000.0, 60.0, 30.0)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(result["rows"]) == 12
    with pytest.raises(UserError, match="not the same number"):
        bench_directory(2000, 21, 4, 0, 0.5, 1.5, 1000.0, 60.0, 30.0)
