"""`realtime bench redraw`: how many pictures a second the viewer's window makes here."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import numpy as np
import typer

from realtime.bench.viewing.walkers import Stream, walkers
from realtime.clock import NS_PER_MS, monotonic_ns

_WARM = 5  # pictures before the first that counts


def bench_redraw(
    people: Annotated[str, typer.Option(help="How many, one window each.")] = "1,8",
    pictures: Annotated[int, typer.Option(min=1, help="Drawn in each.")] = 120,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the window, in pixels.")] = "1280x720",
    lasting: Annotated[
        int | None, typer.Option(metavar="POSES", min=20, help="Instead: people come and go; does memory stay flat?")
    ] = None,
) -> None:
    """Measure the redraw of the viewer's window, people walking in it. Needs a display. Last line: one JSON object.

    Examples:
      xvfb-run -s '-screen 0 1400x900x24' realtime bench redraw
      xvfb-run -s '-screen 0 1400x900x24' realtime bench redraw --lasting 20000
    """
    from engines.errors import UserError
    from realtime.config import parse_size
    from realtime.view.display import has_display

    if not has_display():
        raise UserError("no display for a window: run it on a desktop, or under xvfb-run")
    if lasting is not None:
        from realtime.bench.viewing.lasting import report

        return report(lasting, size, parse_size(size))
    try:
        counts = [int(part) for part in people.split(",")]
    except ValueError as error:
        raise UserError(f"--people {people}: give whole numbers, as 1,8") from error
    rows = [_measure(count, pictures, parse_size(size)) for count in counts]
    for row in rows:
        sys.stderr.write(f"{row['people']} people: {row['mean_ms']} ms, {row['per_s']} pictures a second\n")
    sys.stdout.write(json.dumps({"bench": "redraw", "size": size, "rows": rows}) + "\n")


def _measure(people: int, pictures: int, size_wh: tuple[int, int]) -> dict[str, Any]:
    from realtime.view.picture import Show
    from realtime.view.scene.stage import Stage
    from realtime.view.window import Window

    took_ms = np.zeros(pictures)
    with Stage(size_wh, window=True) as stage:
        window = Window(stage, None, Show("3d"))
        for index in range(_WARM):
            window.show(walkers(index, people), Stream())
        cpu_s = time.process_time()
        for index in range(pictures):
            began_ns = monotonic_ns()
            window.show(walkers(index + _WARM, people), Stream())
            took_ms[index] = (monotonic_ns() - began_ns) / NS_PER_MS
        cpu_s = time.process_time() - cpu_s
    return {
        "people": people, "mean_ms": round(float(took_ms.mean()), 2), "p50_ms": round(float(np.median(took_ms)), 2),
        "cpu_ms": round(1000 * cpu_s / pictures, 2), "per_s": round(1000 / float(took_ms.mean()), 1),
        "computed": stage.computed,
    }  # fmt: skip
