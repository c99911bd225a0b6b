"""Which worker lifts which stream: the rule of the fleet's directory, and of `realtime bench directory`.

Streams and workers are numbers here. Who is new, or has lost their worker, goes to the emptier of two chosen at random;
a worker that has nothing is given its share by the fullest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
NOWHERE = -1
_BATCH, _OF_WORKERS = 500, 20  # streams placed by the same loads: so many, and at most so small a part of the workers


def assign(worker: Ints, takes: Bools, rng: np.random.Generator, *, relieve: bool = True) -> Ints:
    """(streams,) the worker of each after a change, given that before it (NOWHERE: none); nobody moves without need.

    `takes`: (workers,) which may have streams, at least one of them. `relieve`: those of them that have none get some.
    """
    worker = worker.copy()
    worker[(worker >= 0) & ~takes[worker]] = NOWHERE
    loads = np.bincount(worker[worker >= 0], minlength=len(takes))
    if relieve:
        _relieve(worker, loads, takes, rng)
    homeless, among = np.flatnonzero(worker == NOWHERE), np.flatnonzero(takes)
    at_once = max(1, min(_BATCH, len(among) // _OF_WORKERS))
    for first in range(0, len(homeless), at_once):
        batch = homeless[first : first + at_once]
        chosen = emptier_of_two(loads, among, len(batch), rng)
        worker[batch] = chosen
        np.add.at(loads, chosen, 1)
    return worker


def emptier_of_two(loads: Ints, among: Ints, count: int, rng: np.random.Generator) -> Ints:
    """(count,) a worker for each of so many streams. `loads`: (workers,); `among`: the workers to choose from."""
    first = rng.integers(len(among), size=count)
    second = (first + rng.integers(1, max(2, len(among)), size=count)) % len(among)  # another, where there is one
    one, other = among[first], among[second]
    return np.where(loads[one] <= loads[other], one, other)


def rank(worker: Ints, rng: np.random.Generator | None) -> Ints:
    """Of each item the number of items of the same worker before it; in a random order where there is an `rng`."""
    order = np.arange(len(worker)) if rng is None else rng.permutation(len(worker))
    sorted_by = order[np.argsort(worker[order], kind="stable")]
    ranked = worker[sorted_by]
    first = np.searchsorted(ranked, ranked, side="left")
    ranks = np.empty(len(worker), np.int64)
    ranks[sorted_by] = np.arange(len(worker)) - first
    return ranks


def _relieve(worker: Ints, loads: Ints, takes: Bools, rng: np.random.Generator) -> None:
    """Each empty worker gets the mean, a stream from each of the fullest in turn."""
    empty = np.flatnonzero(takes & (loads == 0))
    if not len(empty) or not loads.any():
        return
    wanted = np.repeat(empty, int(len(worker) / takes.sum()))
    order = rng.permutation(len(worker))
    placed = worker[order]
    height = np.where(placed >= 0, loads[placed] - rank(placed, None), -1)  # the topmost of the fullest go first
    most = min(len(wanted), int((height >= 0).sum()))
    moved = order[np.argsort(-height, kind="stable")[:most]]
    np.subtract.at(loads, worker[moved], 1)
    worker[moved] = wanted[: len(moved)]
    np.add.at(loads, worker[moved], 1)
