"""`realtime chaos`: a fault on purpose, done to a session on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def chaos(
    faults: Annotated[list[str] | None, typer.Argument(help="Their names. (one at random)")] = None,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    seed: Annotated[int, typer.Option(help="The same seed, the same faults.")] = 0,
) -> None:
    """Do faults to the 'realtime run' that publishes a stream on this machine, one after the other.

    Examples: realtime chaos kill-lifter; realtime chaos --seed 3
    """
    import random

    from realtime.chaos.faults import FAULTS, fault
    from realtime.chaos.target import Target

    rng = random.Random(seed)
    names = faults or [rng.choice(list(FAULTS))]
    chosen = [(name, fault(name)) for name in names]
    target = Target.find(stream)
    for name, do in chosen:
        do(target, rng)
        typer.echo(name)
