"""`realtime bench tails`: where the slowest frames come from, with the detector flat out and at a camera's rate."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engines.errors import UserError

if TYPE_CHECKING:
    from realtime.bench.step.watched_lifter import FrameNote
    from realtime.config import RunConfig

_WATCHED = "realtime.bench.step.watched_lifter:main"
_SLOWEST = 0.02
_FIRST = 30  # frames of each round that are left out: caches and clocks settle


def bench_tails(
    source: Annotated[str, typer.Option(metavar="FILE|demo", help="A clip.")] = "demo",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each, in turns.")] = 3,
    frames: Annotated[int, typer.Option(min=60, help="Frames of each round, at most.")] = 200,
    detector: Annotated[str, typer.Option(metavar="lite|full|heavy", help="Size of the pose detector.")] = "full",
    realtime_priority: Annotated[
        bool, typer.Option("--realtime-priority", help="Compare with a lifter that goes before all else.")
    ] = False,
) -> None:
    """Measure keypoints to message frame by frame, and what the system did in the slowest: scheduling, garbage, faults.

    Example: realtime bench tails --rounds 5
    """
    from rich.console import Console
    from rich.progress import track

    from realtime.assets.fetch import fetch
    from realtime.config import DetectorConfig, RunConfig, SourceConfig, StreamConfig, ViewConfig
    from realtime.process.priority import check_may_go_first
    from realtime.sources.address import shown
    from realtime.sources.open_source import video_path

    if video_path(source) is None:
        raise UserError(f"{shown(source)} is no video file, and has no second round: give --source a video file")
    if realtime_priority:
        check_may_go_first()
    fetch(f"pose-{detector}")
    config = RunConfig(
        detector=DetectorConfig(size=detector), view=ViewConfig(enabled=False), frames=frames,
        stream=StreamConfig(address="tcp://127.0.0.1:0", rpc_address=None),
    )  # fmt: skip
    rates = {
        "flat out": SourceConfig(name=source, loop=True, max_speed=True),
        "at its rate": SourceConfig(name=source, loop=True),
    }
    cases = [(rate, first) for rate in rates for first in ((False, True) if realtime_priority else (False,))]
    notes: dict[tuple[str, bool], list[FrameNote]] = {case: [] for case in cases}
    console = Console(stderr=True, width=120)
    for turn in track(range(rounds), "rounds", console=console, disable=not console.is_terminal):
        for rate, first in cases if turn % 2 else reversed(cases):
            of_round = _round(replace(config, source=rates[rate], realtime_priority=first))
            notes[rate, first] += of_round[_FIRST:]
    rows = [{"source": rate, "realtime_priority": first, **summary(taken)} for (rate, first), taken in notes.items()]
    _show(console, rows)
    sys.stdout.write(json.dumps({"bench": "tails", "clip": source, "rounds": rounds, "cases": rows}) + "\n")


def summary(notes: Sequence[FrameNote]) -> dict[str, Any]:
    """Percentiles of keypoints to message, and the means of what it is made of: of usual frames, of the slowest."""
    if not notes:
        raise UserError("no frame was left to measure: give more --frames, or a longer clip")
    in_order = sorted(notes, key=lambda note: note.message_ms)
    slowest = in_order[-max(1, round(_SLOWEST * len(in_order))) :]
    at = {name: in_order[min(int(q * len(in_order)), len(in_order) - 1)].message_ms
          for name, q in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))}  # fmt: skip
    return {"frames": len(notes), **{name: round(value, 3) for name, value in at.items()},
            "usual": _means(in_order[: len(in_order) // 2]), "slowest": _means(slowest)}  # fmt: skip


def _means(notes: Sequence[FrameNote]) -> dict[str, float]:
    parts = ("wake_ms", "processor_ms", "off_ms", "garbage_ms", "page_faults", "pushed_off", "waited")
    return {part: round(fmean(getattr(note, part) for note in notes), 3) for part in parts}


def _round(config: RunConfig) -> Sequence[FrameNote]:
    from realtime.bench.step.watched_lifter import Notes
    from realtime.session.processes import PROCESSES
    from realtime.session.supervisor import Supervisor

    taken = list[Notes]()

    class Listening(Supervisor):
        def _take(self, child: Any, event: object) -> None:
            if isinstance(event, Notes):
                taken.append(event)
            super()._take(child, event)

    processes = [
        replace(process, main=_WATCHED) if process.name == "lifter" else process
        for process in PROCESSES if process.name != "viewer"
    ]  # fmt: skip
    with Listening(config, processes) as supervisor:
        supervisor.run(lambda _: None)
        if supervisor.interrupted:
            raise KeyboardInterrupt
    return [note for notes in taken for note in notes.frames]


def _show(console: Any, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="keypoints to message, ms")
    parts = {"waking": "wake_ms", "on processor": "processor_ms", "off it": "off_ms", "garbage": "garbage_ms",
             "page faults": "page_faults"}  # fmt: skip
    for heading in ("source", "p50", "p95", "p99", "frames", *parts):
        table.add_column(heading, justify="left" if heading in ("source", "frames") else "right")
    for row in rows:
        source = row["source"] + (", first" if row["realtime_priority"] else "")
        percentiles = [f"{row[f'{name}_ms']:.2f}" for name in ("p50", "p95", "p99")]
        for which in ("usual", "slowest"):
            table.add_row(source, *percentiles, which, *(f"{row[which][part]:.2f}" for part in parts.values()))
            source, percentiles = "", ["", "", ""]
    console.print(table)
