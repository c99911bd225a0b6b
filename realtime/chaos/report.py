"""What a soak showed: a table for a person, one JSON object for programs, and whether all was well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from realtime.chaos.footprint import slope_mb_per_h
from realtime.chaos.soak import Round, Soaked
from realtime.clock import NS_PER_S

_PART_S = 300.0  # the first and the last part whose latencies are compared; of a short run a third


def lines(soaked: Soaked) -> Iterator[str]:
    """One a kind of fault: the worst of its rounds."""
    yield f"{'fault':<16} times  gap ms  back ms  sessions  missed  status (ms after the fault began)"
    for name in dict.fromkeys(round_.fault for round_ in soaked.rounds):
        rounds = [round_ for round_ in soaked.rounds if round_.fault == name]
        worst = max(rounds, key=lambda round_: round_.seen.longest_gap_ms)
        backs = [r.recovery_ms for r in rounds if r.recovery_ms is not None]
        back = f"{max(backs):.0f}" if len(backs) == len(rounds) else "never"
        gap, missed = worst.seen.longest_gap_ms, sum(r.seen.missed for r in rounds)
        sessions = sum(r.seen.sessions for r in rounds)
        yield f"{name:<16} {len(rounds):5d} {gap:7.0f} {back:>8} {sessions:9d} {missed:7d}  {_states(worst)}"


def as_json(soaked: Soaked) -> dict[str, Any]:
    first, last = soaked.footprints[0], soaked.footprints[-1]
    early, late = _p99_first_and_last(soaked.latencies)
    return {
        "faults": len(soaked.rounds), "recovered": sum(r.recovery_ms is not None for r in soaked.rounds),
        "messages_timed": len(soaked.latencies), "twice": soaked.twice, "out_of_order": soaked.out_of_order,
        "invalid": soaked.invalid, "exit_code": soaked.exit_code,
        "supervisor_rss_slope_mb_per_h": slope_mb_per_h(soaked.footprints, "supervisor_rss"),
        "rss_slope_mb_per_h": slope_mb_per_h(soaked.footprints, "rss"),
        "rss_mb": [first.rss / 1e6, last.rss / 1e6],
        "supervisor_descriptors": [first.supervisor_descriptors, last.supervisor_descriptors],
        "descriptors": [first.descriptors, last.descriptors], "segments": [first.segments, last.segments],
        "latency_p99_first_ms": early, "latency_p99_last_ms": late,
        "rounds": [
            {"fault": r.fault, "lasted_ms": r.lasted_ms, "recovery_ms": r.recovery_ms,
             "gap_ms": r.seen.longest_gap_ms, "sessions": r.seen.sessions, "missed": r.seen.missed,
             "states": r.seen.states}
            for r in soaked.rounds
        ],
    }  # fmt: skip


def well(soaked: Soaked) -> bool:
    """Every fault was survived, nothing came twice or out of order, and the session ended in good order."""
    survived = all(round_.recovery_ms is not None for round_ in soaked.rounds)
    return survived and not (soaked.twice or soaked.out_of_order or soaked.invalid) and soaked.exit_code == 0


def _states(round_: Round) -> str:
    return " ".join(f"{state}@{at_ms:.0f}" for state, at_ms in round_.seen.states)


def _p99_first_and_last(latencies: list[tuple[int, float]]) -> tuple[float | None, float | None]:
    if not latencies:
        return None, None
    at_ns, ms = np.array([at for at, _ in latencies]), np.array([ms for _, ms in latencies])
    part_ns = min(_PART_S * NS_PER_S, (at_ns[-1] - at_ns[0]) / 3)
    first, last = ms[at_ns <= at_ns[0] + part_ns], ms[at_ns >= at_ns[-1] - part_ns]
    return float(np.percentile(first, 99)), float(np.percentile(last, 99))
