"""`realtime chaos`: a fault on purpose, done to a session on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def chaos(
    faults: Annotated[list[str] | None, typer.Argument(help="Their names. (one at random; --matrix: all)")] = None,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    seed: Annotated[int, typer.Option(help="The same seed, the same faults.")] = 0,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="To programs of its own: each in every scene it fits, or those named once.")
    ] = False,
    ring: Annotated[
        int | None, typer.Option(metavar="RECORDS", min=1, help="So many records from one process to another instead.")
    ] = None,
    soak: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="To a session of its own: one every 20 s, and a table.")
    ] = None,
    source: Annotated[str, typer.Option(help="What a session of its own looks at; a file is looped.")] = "demo",
) -> None:
    """Do faults to the 'realtime run' that publishes a stream on this machine, one after the other.

    The last line of --matrix, --soak and --ring is one JSON object. Exit code 1: a fault was not survived, or a
    record read wrong.

    Examples: realtime chaos kill-lifter; realtime chaos --matrix; realtime chaos --soak 20 --seed 3
    """
    import json
    import random

    from engines.errors import UserError
    from realtime.chaos.faults import FAULTS, fault
    from realtime.chaos.report import as_json, lines, well
    from realtime.chaos.soak import at_random
    from realtime.chaos.soak import soak as run_soak
    from realtime.chaos.target import Target

    if ring is not None:
        return _ring(ring)
    if matrix and not faults and soak is None:
        return _matrix(seed)
    rng = random.Random(seed)
    names = faults or [rng.choice(list(FAULTS))]
    chosen = [(name, fault(name)) for name in names]
    if soak is not None and (matrix or faults):
        raise UserError("--soak chooses its faults itself: leave out their names and --matrix")
    if soak is None and not matrix:
        target = Target.find(stream)
        for name, do in chosen:
            do(target, rng)
            typer.echo(name)
        return
    soaked = run_soak(source, names if soak is None else at_random(seed, soak), seed)
    for line in [*lines(soaked), json.dumps(as_json(soaked))]:
        typer.echo(line)
    if not well(soaked):
        raise typer.Exit(1)


def _ring(records: int) -> None:
    import json
    from dataclasses import asdict

    from realtime.chaos.ring_trial import ring_trial

    trial = ring_trial(records)
    typer.echo(json.dumps(asdict(trial)))
    if trial.wrong or trial.out_of_order or trial.written != records:
        raise typer.Exit(1)


def _matrix(seed: int) -> None:
    import json

    from realtime.chaos.matrix import HEAD, as_json, line
    from realtime.chaos.matrix import matrix as every_cell

    cells = []
    typer.echo(HEAD)
    for cell in every_cell(seed):
        cells.append(cell)
        typer.echo(line(cell))
    typer.echo(json.dumps(as_json(cells)))
    if not all(cell.well for cell in cells):
        raise typer.Exit(1)
