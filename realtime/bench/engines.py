"""`realtime bench engines`: every kind of plan built from scratch, its size, its time, its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

COLUMNS = ("model", "form", "precision", "batch", "targets", "MiB", "build s", "max mm", "mean mm", "frames", "within",
           "held-out mm")  # fmt: skip


def bench_engines(
    poses: Annotated[int, typer.Option(help="Poses to compare a step plan on; windows take a sixteenth.")] = 1000,
    precisions: Annotated[str, typer.Option(help="Which, separated by commas.")] = "fp32,fp16,bf16,int8",
    paper: Annotated[bool, typer.Option(help="Also the paper's model, T = 243 (random weights).")] = True,
    whole: Annotated[bool, typer.Option(help="Convert all of a graph, whatever its certificate says.")] = False,
    mocap: Annotated[Path | None, typer.Option(help="Motion capture .npz: also the error on held-out people.")] = None,
) -> None:
    """Build every kind of plan: both forms, each precision, batch 1 and 1 to 64, one GPU target and four.

    `within` is whether joints move no further than the precision's limit; a certificate takes 1,000 poses besides.
    Prints a table and, as its last line, one JSON object.

    Example: realtime bench engines --mocap cmu_17j_120fps.npz
    """
    import json
    import sys
    import tempfile
    import time
    from dataclasses import asdict

    from realtime.bench.engines_cases import plan_rows, random_paper_model

    started = time.perf_counter()
    rows = []
    sys.stdout.write("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|\n")
    with tempfile.TemporaryDirectory() as folder:
        cases = [("default", form) for form in ("step", "window")]
        if paper:
            cases.append((str(random_paper_model(Path(folder))), "window"))
        for model, form in cases:
            for precision in precisions.split(","):
                for row in plan_rows(model, form, precision, poses, whole, mocap):
                    rows.append(row)
                    cells = [str(value) for value in list(asdict(row).values())[: len(COLUMNS)]]
                    sys.stdout.write("| " + " | ".join(cells) + " |\n")
                    sys.stdout.flush()
    seconds = round(time.perf_counter() - started, 1)
    sys.stdout.write(json.dumps({"seconds": seconds, "plans": [asdict(row) for row in rows]}) + "\n")
