"""What `realtime bench directory` simulates: hashing by number, rendezvous by rack and worker, and a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.fleet.placing import NOWHERE, Bools, Ints, assign, rank

_CHUNK = 20_000  # streams hashed at once: 16 MB for 100 racks
_ROUND_TRIP_S = 0.1  # a producer is told of its new worker, and joins there


@dataclass(frozen=True, slots=True)
class Gaps:
    """What makes poses pause where a worker dies."""

    heartbeat_s: float
    lease_s: float
    lookups_per_s: float
    prime_s: float

    def of(self, target: Ints, rng: np.random.Generator) -> NDArray[np.float64]:
        """Of each moved stream, `target` being its new worker: noticed, redirected in turn, memory filled in turn."""
        noticed_s = self.lease_s - rng.uniform(0, self.heartbeat_s, len(target))  # since the last word, of the death
        redirected_s = rng.permutation(len(target)) / self.lookups_per_s
        return noticed_s + redirected_s + _ROUND_TRIP_S + self.prime_s * (1 + rank(target, rng))


class Scheme(Protocol):
    """Gives each stream a worker among those alive."""

    name: str

    def assign(self, alive: Bools, before: Ints | None) -> Ints: ...


class ByNumber:
    """The hash's remainder among those alive: what one would do first."""

    name = "remainder"

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self._keys = keys

    def assign(self, alive: Bools, before: Ints | None) -> Ints:
        workers = np.flatnonzero(alive)
        return workers[(_mixed(self._keys) % np.uint64(len(workers))).astype(np.int64)]


class ByRendezvous:
    """Highest weighted random score, of racks by their living workers, then of workers in the rack. No table."""

    name = "rendezvous"

    def __init__(self, keys: NDArray[np.uint64], racks: int) -> None:
        self._keys, self._racks = keys, racks

    def assign(self, alive: Bools, before: Ints | None) -> Ints:
        in_rack = len(alive) // self._racks
        weights = alive.reshape(self._racks, in_rack).sum(1)
        rack = np.concatenate([
            _winner(self._keys[first : first + _CHUNK], np.arange(self._racks), weights)
            for first in range(0, len(self._keys), _CHUNK)
        ])  # fmt: skip
        worker = np.empty(len(self._keys), np.int64)
        for number in range(self._racks):
            first = number * in_rack
            mine, living = rack == number, first + np.flatnonzero(alive[first : first + in_rack])
            if len(living):
                worker[mine] = living[_winner(self._keys[mine], living + self._racks, np.ones(len(living)))]
        return worker


class ByTable:
    """A directory, by the rule of the fleet's own."""

    name = "directory"

    def __init__(self, streams: int, rng: np.random.Generator) -> None:
        self._streams, self._rng = streams, rng

    def assign(self, alive: Bools, before: Ints | None) -> Ints:
        worker = np.full(self._streams, NOWHERE) if before is None else before
        return assign(worker, alive, self._rng, relieve=before is not None)


def simulate(
    streams: int, workers: int, racks: int, seed: int, gaps: Gaps, stay_s: float, progress: Callable[[], None]
) -> dict[str, Any]:
    """Every scheme through the same deaths and arrivals; one row each, and the load of the directory itself."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**63, streams, np.uint64)
    rows: list[dict[str, Any]] = []
    schemes: list[Scheme] = [ByNumber(keys), ByRendezvous(keys, racks), ByTable(streams, rng)]
    for scheme in schemes:
        rows += _through(scheme, workers, racks, seed, gaps)
        progress()
    joins_per_s = streams / stay_s
    return {
        "bench": "directory", "streams": streams, "workers": workers, "racks": racks, "seed": seed, "rows": rows,
        "directory": {
            "joins_and_leaves_per_s": round(2 * joins_per_s), "heartbeats_per_s": round(workers / gaps.heartbeat_s),
            "rack_death_lookups": round(streams / racks),
            "rack_death_lookups_take_s": round(streams / racks / gaps.lookups_per_s, 2),
            "all_come_anew_takes_s": round(streams / gaps.lookups_per_s, 1),
        },
    }  # fmt: skip


def _through(scheme: Scheme, workers: int, racks: int, seed: int, gaps: Gaps) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    in_rack = workers // racks
    alive = np.ones(workers, bool)
    alive[workers - in_rack :] = False  # this rack is yet to come
    now = scheme.assign(alive, None)
    rows = [_row(scheme.name, "begin", now, None, alive, np.zeros(0))]
    for event, change in (("a worker dies", [0]), ("a rack dies", range(in_rack, 2 * in_rack)),
                          ("a rack is added", range(workers - in_rack, workers))):  # fmt: skip
        arrives = event.endswith("added")
        alive[list(change)] = arrives
        after = scheme.assign(alive, now)
        died = ~alive[now]
        # Who moves without need, or to who arrives, is handed over while the old worker goes on: no pause.
        rows.append(_row(scheme.name, event, after, now, alive, gaps.of(after[died], rng)))
        now = after
    return rows


def _row(
    scheme: str, event: str, now: Ints, before: Ints | None, alive: Bools, gaps_s: NDArray[np.float64]
) -> dict[str, Any]:
    loads = np.bincount(now, minlength=len(alive))[alive]
    moved = 0 if before is None else int((now != before).sum())
    needed = len(gaps_s)
    if before is not None and not needed:  # as many as the newcomers' fair share
        needed = round(len(now) * float((np.bincount(before, minlength=len(alive))[alive] == 0).mean()))
    p50, p99, longest = np.percentile(gaps_s, (50, 99, 100)) if len(gaps_s) else (0.0, 0.0, 0.0)
    return {
        "scheme": scheme, "event": event, "moved": moved, "moved_over_needed": round(moved / max(1, needed), 3),
        "most_over_mean": round(float(loads.max() / loads.mean()), 3), "least_over_mean":
        round(float(loads.min() / loads.mean()), 3), "load_std": round(float(loads.std()), 2), "paused": len(gaps_s),
        "gap_p50_s": round(float(p50), 3), "gap_p99_s": round(float(p99), 3), "gap_max_s": round(float(longest), 3),
    }  # fmt: skip


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64 (Steele, Lea and Flood 2014): every bit of the input in every bit of the output."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _winner(keys: NDArray[np.uint64], names: Ints, weights: NDArray[Any]) -> Ints:
    """For each key the index of the name with the highest score: -weight / ln(uniform), of weighted rendezvous."""
    salt = _mixed(names.astype(np.uint64))
    uniform = (_mixed(keys[:, None] ^ salt[None]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.asarray(np.argmax(weights / -np.log(np.maximum(uniform, 2.0**-54)), axis=1), np.int64)
