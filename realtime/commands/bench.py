"""`realtime bench`: every figure the project claims, measured here. The last line of each is one JSON object."""

from __future__ import annotations

import importlib
import importlib.util

import typer

app = typer.Typer(no_args_is_help=True, help="Measure the project's claims here; last line: one JSON object.")
for _name in ("pipeline", "lifter", "stream", "place", "engines"):
    if importlib.util.find_spec(f"realtime.bench_{_name}"):
        app.command(_name)(getattr(importlib.import_module(f"realtime.bench_{_name}"), f"bench_{_name}"))
