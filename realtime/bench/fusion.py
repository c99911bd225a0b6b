"""`realtime bench fusion`: two cameras together against the better of the two alone, on a real person."""

from __future__ import annotations

import json
from typing import Annotated

import typer

LESS_PERCENT = 25.0  # wanted of MPJPE, on average over the pairs


def bench_fusion(model: Annotated[str, typer.Option(help="The lifter.")] = "default") -> None:
    """Measure fused cameras: Pose2Sim's person, seen by four calibrated ones (51 MB, fetched when first asked for).

    Each pair against the triangulation of the other two; then live, with the cameras' places known and with those that
    the walk itself gives, and with clocks that were made to lie apart. Two pairs look at each other, and so do their
    judges, whose own error is 70 mm there. Last line: one JSON object.

    Example: realtime bench fusion
    """
    import sys

    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from engines.lifting.load_lifter import load_lifter
    from realtime.model import fused_live
    from realtime.model.four_views import COMPARED, watch_views
    from realtime.model.fused_views import COLUMNS, pairs_of

    with Console(stderr=True).status("watching four views, twice"), load_lifter(model) as lifter:
        seen = watch_views(COMPARED)
        rows = pairs_of(*seen, lifter)
        live, clocks = fused_live.fuse_live(*seen, lifter)
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row.cells())
    Console(stderr=True).print(table)
    table = Table(*fused_live.COLUMNS, title="live, mm")
    for live_row in live:
        table.add_row(*live_row.cells())
    Console(stderr=True).print(table)
    less = {detector: 100 * (1 - np.mean([row.fused_mm for row in rows if row.detector == detector])
                             / np.mean([row.better_mm for row in rows if row.detector == detector]))
            for detector in dict.fromkeys(row.detector for row in rows)}  # fmt: skip
    told: dict[str, object] = {"less_percent": less, "met": bool(min(less.values()) >= LESS_PERCENT)}
    pairs = [row.as_dict() for row in rows]
    told |= {"live": [row.as_dict() for row in live], "clocks": [row.as_dict() for row in clocks]}
    sys.stdout.write(json.dumps({"bench": "fusion", "model": model, "pairs": pairs, **told}) + "\n")
