"""`realtime bench serve`: how many streams one core lifts; what is measured is in measure.py."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer


def bench_serve(
    streams: Annotated[str, typer.Option(help="Numbers of streams to measure; the first is the isolated one.")]
    = "1,4,8,12,16,20,24,32",
    seconds: Annotated[float, typer.Option(min=1, help="Each is measured for so long.")] = 8.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times everything is measured in turn.")] = 3,
    floor: Annotated[str, typer.Option(metavar="auto|off", help="Learn each stream's floor.")] = "auto",
    added_ms: Annotated[float, typer.Option(help="Added latency that is wanted of p99.")] = 15.0,
) -> None:  # fmt: skip
    """Measure 'realtime serve' with light producers of 30 frames/s in another process, each of one person.

    Added latency is from a frame's sending to its pose's publication. The last line is one JSON object, medians over
    the rounds.

    Example: realtime bench serve --streams 1,8,16 --rounds 3
    """
    from engines.errors import UserError
    from realtime.bench.serving.measure import measure

    counts = [int(part) for part in streams.split(",") if part.strip().isdecimal()]
    if len(counts) != streams.count(",") + 1 or min(counts) < 1:
        raise UserError(f"{streams!r} is not a list of whole numbers above 0: write for instance 1,8,16")
    result = measure(counts, seconds, rounds, floor, added_ms)
    _show(result)
    sys.stdout.write(json.dumps(result) + "\n")


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="realtime serve, streams of 30 frames/s and one person")
    for heading in ("streams", "CPU ms a frame", "added p50 ms", "p99 ms", "cores at work", "batch", "left out"):
        table.add_column(heading, justify="right")
    for case in [*result["cases"], result["beyond"]]:
        table.add_row(
            str(case["streams"]) + (f" + {case['refused']} refused" if case["refused"] else ""),
            f"{case['cpu_ms']:.3f}", f"{case['added_p50_ms']:.1f}", f"{case['added_p99_ms']:.1f}",
            f"{case['cores']:.2f}", f"{case['batch']:.1f}", f"{case['left_out']:.2%}",
        )  # fmt: skip
    Console(stderr=True, width=120).print(table)
