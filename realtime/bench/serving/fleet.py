"""`realtime bench fleet`: how long poses pause where a worker of a fleet dies, comes or goes. Needs [fleet]."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer


def bench_fleet(
    streams: Annotated[int, typer.Option(min=1, max=256, help="Streams at once.")] = 6,
    workers: Annotated[int, typer.Option(min=2, max=64, help="Workers at the beginning.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="A worker dies, one is added and one removed, so many times.")] = 3,
    fps: Annotated[float, typer.Option(min=1, max=60, help="Of each stream.")] = 30.0,
) -> None:
    """Measure a real fleet on this machine: its start, its memory, pauses at deaths and planned moves, and lookups.

    The last line is one JSON object.

    Example: realtime bench fleet --streams 6 --workers 3 --rounds 3
    """
    from realtime.bench.serving.measure_fleet import measure_fleet
    from realtime.fleet.ray_cluster import require_ray

    require_ray()
    result = measure_fleet(streams, workers, rounds, fps)
    _show(result)
    sys.stdout.write(json.dumps(result) + "\n")


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['streams']} streams of {result['fps']:g} frames/s, {result['workers']} workers")
    for heading in ("event", "streams moved", "pause p50 s", "longest s", "frames left out"):
        table.add_column(heading, justify="right")
    for row in result["events"]:
        table.add_row(row["event"], str(row["moved"]), f"{row['pause_p50_s']:.2f}", f"{row['pause_max_s']:.2f}",
                      str(row["frames_missing"]))  # fmt: skip
    Console(stderr=True, width=120).print(table)
