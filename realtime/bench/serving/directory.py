"""`realtime bench directory`: which worker lifts which stream, simulated; see placements.py."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer


def bench_directory(
    streams: Annotated[int, typer.Option(min=100, help="Streams at once.")] = 1_000_000,
    workers: Annotated[int, typer.Option(min=100, help="Workers that lift them.")] = 10_000,
    racks: Annotated[int, typer.Option(min=2, help="Workers fail together by so many racks.")] = 100,
    seed: Annotated[int, typer.Option(help="The same figures for the same seed.")] = 0,
    heartbeat: Annotated[float, typer.Option(metavar="S", help="A worker is heard so often.")] = 0.5,
    lease: Annotated[float, typer.Option(metavar="S", help="A worker unheard for so long is dead.")] = 1.5,
    lookups: Annotated[float, typer.Option(help="Redirections a second that the directory gives.")] = 20_000.0,
    prime_ms: Annotated[float, typer.Option(help="Work to fill a moved stream's memory.")] = 500.0,
    stay_min: Annotated[float, typer.Option(help="Minutes that a stream stays on average.")] = 30.0,
) -> None:
    """Simulate three ways of giving streams to workers: what moves when workers die or come, and how long poses pause.

    Nothing is started and nothing is timed: it computes on one core, a million streams in about a minute. The last line
    is one JSON object.

    Example: realtime bench directory --streams 1000000 --workers 10000 --seed 0
    """
    from realtime.bench.serving.placements import Gaps, simulate
    from realtime.progress_bar import progress_bar

    if workers % racks or workers // racks < 2:
        from engines.errors import UserError

        raise UserError(f"{workers} workers are not the same number, two or more, in each of {racks} racks: change one")
    gaps = Gaps(heartbeat, lease, lookups, prime_ms / 1000)
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=3)
        result = simulate(streams, workers, racks, seed, gaps, stay_min * 60, lambda: bar.advance(task))
    _show(result)
    sys.stdout.write(json.dumps(result) + "\n")


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['streams']} streams on {result['workers']} workers, seed {result['seed']}")
    for heading in ("streams go by", "event", "moved", "over those that must", "most / mean"):
        table.add_column(heading, justify="right")
    for heading in ("pause p50 s", "p99 s", "longest s"):
        table.add_column(heading, justify="right")
    for row in result["rows"]:
        table.add_row(
            row["scheme"], row["event"], str(row["moved"]), f"{row['moved_over_needed']:.2f}",
            f"{row['most_over_mean']:.2f}", *(f"{row[name]:.2f}" for name in ("gap_p50_s", "gap_p99_s", "gap_max_s")),
        )  # fmt: skip
    Console(stderr=True, width=120).print(table)
