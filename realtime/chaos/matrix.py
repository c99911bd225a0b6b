"""Every fault in every scene where it makes sense: what a subscriber saw of each, cell by cell."""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.errors import UserError
from realtime.chaos.faults import FAULTS, Fault
from realtime.chaos.place import LeftOutError
from realtime.chaos.programs import found, free_addresses, new_stream, program, run_words
from realtime.chaos.scenes import SCENES, STARTING
from realtime.chaos.target import PATIENCE_S, Target
from realtime.chaos.witness import Witness
from realtime.clock import unix_ns

log = logging.getLogger("realtime.chaos")


@dataclass(frozen=True, slots=True)
class Cell:
    """`back_ms`: from the fault's end to ten fresh poses in a stream that says it runs; None: they did not come."""

    scene: str
    fault: str
    lasted_ms: float
    back_ms: float | None
    gap_ms: float  # the longest silence
    sessions: int  # new ones
    missed: int
    wrong: int  # messages twice, out of order or invalid
    states: list[tuple[str, float]]  # what the status said, and how many ms after the fault began
    complaint: str = ""

    @property
    def well(self) -> bool:
        return self.back_ms is not None and not self.wrong and not self.complaint


def matrix(seed: int) -> Iterator[Cell]:
    """All cells, one after the other; a scene whose program does not live on is given up."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="realtime-chaos-") as folder:
        for name in STARTING:
            yield at_start(name, Path(folder), rng)
        for scene in SCENES:
            yield from in_scene(scene, Path(folder), rng)


def as_json(cells: list[Cell]) -> dict[str, Any]:
    return {"cells": len(cells), "well": sum(cell.well for cell in cells), "each": [asdict(cell) for cell in cells]}


HEAD = f"{'scene':<16} {'fault':<24} gap ms  back ms  sessions  missed  wrong  status (ms after the fault began)"


def line(cell: Cell) -> str:
    back = "never" if cell.back_ms is None else f"{cell.back_ms:.0f}"
    states = " ".join(f"{state}@{at_ms:.0f}" for state, at_ms in cell.states)
    return (f"{cell.scene:<16} {cell.fault:<24} {cell.gap_ms:6.0f} {back:>8} {cell.sessions:9d} {cell.missed:7d} "
            f"{cell.wrong:6d}  {states}{'  ' if cell.complaint else ''}{cell.complaint}")  # fmt: skip


def in_scene(name: str, folder: Path, rng: random.Random) -> Iterator[Cell]:
    """Every fault of a scene, until one is not survived. What the scene itself complains of is a cell, too.

    A scene that this machine cannot set up has none, and the log says why.
    """
    done: list[Cell] = []
    try:
        with SCENES[name](folder) as place, Witness(
            place.target.running.address, place.stream, by_arrival=place.by_arrival
        ) as witness:
            if not witness.recovered(0, PATIENCE_S):
                raise UserError("no poses came to begin with")
            for fault, do in place.faults.items():
                done.append(_cell(name, fault, do, place.target, witness, rng))
                if done[-1].back_ms is None:
                    break
                yield done[-1]
                done.clear()
    except LeftOutError as error:
        log.warning("%s is left out: %s", name, error)
    except UserError as error:
        yield Cell(name, "the scene", 0.0, None, 0.0, 0, 0, 0, [], str(error))
    yield from done


def at_start(name: str, folder: Path, rng: random.Random) -> Cell:
    """The fault in the first moments of a session of its own."""
    stream, [address] = new_stream("starting"), free_addresses(1)
    words = run_words("demo", stream, address=address)
    with program(*words, log=folder / "starting.log") as popen, Witness(address, stream) as witness:
        try:
            target = found(stream, popen)
            target.process("lifter")
            return _cell("starting", name, FAULTS[name], target, witness, rng)
        except UserError as error:
            return Cell("starting", name, 0.0, None, 0.0, 0, 0, 0, [], str(error))


def _cell(scene: str, name: str, fault: Fault, target: Target, witness: Witness, rng: random.Random) -> Cell:
    def wrong() -> int:
        return witness.twice + witness.out_of_order + witness.invalid

    witness.mark()
    before, begun_ns, complaint = wrong(), unix_ns(), ""
    try:
        fault(target, rng)
    except UserError as error:
        complaint = str(error)
    over_ns = unix_ns()
    back = witness.recovered(over_ns, PATIENCE_S)
    back_ms = (unix_ns() - over_ns) / 1e6 if back else None
    seen = witness.seen
    return Cell(scene, name, (over_ns - begun_ns) / 1e6, back_ms, seen.longest_gap_ms, seen.sessions, seen.missed,
                wrong() - before, seen.states, complaint)  # fmt: skip
