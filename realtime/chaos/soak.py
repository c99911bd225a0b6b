"""A session of its own, faults one after the other, and what a subscriber saw of each."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import psutil

from engines.errors import UserError
from realtime.chaos.faults import FAULTS
from realtime.chaos.footprint import Footprint, measure
from realtime.chaos.programs import found, program, run_words
from realtime.chaos.target import PATIENCE_S, Target
from realtime.chaos.witness import Seen, Witness
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns

EVERY_S = 20.0

log = logging.getLogger("realtime.chaos")


@dataclass(frozen=True, slots=True)
class Round:
    """One fault. `recovery_ms`: from its end to ten poses of new pictures; None: they did not come."""

    fault: str
    lasted_ms: float
    recovery_ms: float | None
    seen: Seen


@dataclass(slots=True)
class Soaked:
    rounds: list[Round] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    latencies: list[tuple[int, float]] = field(default_factory=list)
    twice: int = 0
    out_of_order: int = 0
    invalid: int = 0
    exit_code: int | None = None  # of the session, after Ctrl-C


def at_random(seed: int, minutes: float) -> Iterator[str]:
    """A fault every 20 s."""
    rng, names = random.Random(seed), list(FAULTS)
    start_ns = due_ns = monotonic_ns()
    while due_ns - start_ns + EVERY_S * NS_PER_S <= minutes * 60 * NS_PER_S:
        due_ns = max(due_ns + int(EVERY_S * NS_PER_S), monotonic_ns())
        time.sleep(max(0, due_ns - monotonic_ns()) / NS_PER_S)
        yield rng.choice(names)


def soak(source: str, faults: Iterable[str], seed: int) -> Soaked:
    """Runs a session on a source that does not end, until the faults do or one is not survived.

    Raises UserError where the session does not start.
    """
    soaked, rng = Soaked(), random.Random(seed)
    stream = f"chaos-{os.getpid()}"
    with program(*run_words(source, stream)) as popen:
        target = found(stream, popen)
        with Witness(target.running.address, stream) as witness:
            if not witness.recovered(0, PATIENCE_S):
                raise UserError(f"nobody is seen in {source}: choose another with --source")
            _measure(target, soaked)
            for name in faults:
                soaked.rounds.append(_round(name, target, witness, rng))
                if soaked.rounds[-1].recovery_ms is None:
                    break
                _measure(target, soaked)
            soaked.latencies, soaked.invalid = witness.latencies, witness.invalid
            soaked.twice, soaked.out_of_order = witness.twice, witness.out_of_order
    soaked.exit_code = popen.returncode
    return soaked


def _round(name: str, target: Target, witness: Witness, rng: random.Random) -> Round:
    witness.mark()
    begun_ns = unix_ns()
    FAULTS[name](target, rng)
    over_ns = unix_ns()
    back = witness.recovered(over_ns, PATIENCE_S)
    recovery_ms = (unix_ns() - over_ns) / 1e6 if back else None
    log.info("%s: %s", name, "not survived" if recovery_ms is None else f"over after {recovery_ms:.0f} ms")
    return Round(name, (over_ns - begun_ns) / 1e6, recovery_ms, witness.seen)


def _measure(target: Target, soaked: Soaked) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # something has just ended: the next round measures
        soaked.footprints.append(measure(target))
