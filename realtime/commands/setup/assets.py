"""`realtime assets`: list, prefetch and find the pose models and demo clips."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@app.callback()
def assets(context: typer.Context) -> None:
    """The pose models and demo clips: what there is, and what is in the cache.

    They are fetched when first used; fetch them beforehand for work without a network.

    Examples: realtime assets; realtime assets fetch --all; realtime assets path demo
    """
    if context.invoked_subcommand is None:
        import sys

        from realtime.assets.fetch import listing

        sys.stdout.write(listing() + "\n")


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Fetch assets into the cache (pose-full and demo unless told otherwise).

    Example: realtime assets fetch pose-heavy
    """
    import sys

    from realtime.assets.catalogue import ASSETS, DEFAULTS
    from realtime.assets.fetch import fetch as fetch_one

    for name in ASSETS if every else names or DEFAULTS:
        sys.stdout.write(f"{fetch_one(name)}\n")


@app.command()
def path(name: Annotated[str, typer.Argument(help="One of the names in the list.")]) -> None:
    """Print the path of an asset, fetching it first where needed.

    Example: realtime run --source "$(realtime assets path demo)"
    """
    import sys

    from realtime.assets.fetch import fetch as fetch_one

    sys.stdout.write(f"{fetch_one(name)}\n")
