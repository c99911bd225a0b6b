"""`realtime doctor`: what this machine has, and what to do about the rest."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False) -> None:
    """Check Python, packages, display, cameras, GPU, engine, cache, assets and ports; say what to do about each.

    Exit code 0 when the main job can run, 1 when something it needs is missing.

    Example: realtime doctor --json
    """
    import sys

    from realtime.doctor import report as work

    if as_json:
        text, able = work.as_json(work.examine())
        sys.stdout.write(text + "\n")
    else:
        able = work.report(work.examine())
    sys.exit(0 if able else 1)
