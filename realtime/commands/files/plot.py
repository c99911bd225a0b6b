"""`realtime plot`: a recording as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    source: Annotated[
        Path, typer.Argument(metavar="TAKE.mcap|POSES.npz", help="A file of 'realtime record' or 'realtime lift'.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.png|OUT.svg", help="The figure to write.")],
    what: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="heights, speeds, angles, bones, sigma or latency; may be repeated. (all)"),
    ] = None,
    person: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="Only this person; may be repeated. (the three seen longest)"),
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Which stream, of a take of several.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the figure if there is one.")] = False,
) -> None:
    """Draw joint heights, speeds, angles, bone lengths, errors and latency over time: a row each, a column a person.

    Left limbs are warm, right ones cool, as in the viewer. Lines are broken where a person is not seen. Latency is
    known of takes alone.

    Examples:
      realtime plot take.mcap -o take.png
      realtime plot poses.npz -o knees.svg --what angles
      realtime plot take.mcap -o two.png --person 1 --person 4 --what heights --what speeds
    """
    import sys

    from realtime.plot.plot_file import plot_file

    people, panels = plot_file(source, out, what=what or (), people=person or (), stream=stream, overwrite=overwrite)
    whose = f" of {people} people" if people > 1 else ""
    sys.stdout.write(f"{out}: {panels} panel{'s' if panels > 1 else ''}{whose}\n")
