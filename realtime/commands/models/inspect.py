"""`realtime inspect`: what a plan is, and whether it is what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan; its card PLAN.json lies beside it.")],
    model: Annotated[str | None, typer.Option(help="The model it should be of. Default: its card's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card itself.")] = False,
) -> None:
    """Print a plan's card with its parity certificate, and verify the hashes of card, plan, graph and weights.

    Ends with exit code 2 where a hash differs or the card is missing.

    Example: realtime inspect stream.plan
    """
    import sys

    from engines.plans.plan import load_plan
    from realtime.model.inspect_plan import inspect_plan

    text = inspect_plan(plan, model)
    sys.stdout.write(load_plan(plan)[0].to_json().decode() if as_json else text)
