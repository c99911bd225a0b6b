"""`realtime export`: a recording in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    source: Annotated[Path, typer.Argument(metavar="TAKE.mcap|LIFTED.npz", help="Of 'realtime record' or 'lift'.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Its ending says the format.")],
    person: Annotated[str | None, typer.Option(help="Only this id; without it, everybody.")] = None,
    stream: Annotated[str | None, typer.Option(help="Which stream of a take that has several.")] = None,
    rate: Annotated[float | None, typer.Option(help="Frames a second; without it, the recording's own.")] = None,
    bones: Annotated[
        str,
        typer.Option(metavar="auto|fixed|measured", help="BVH: bones of one length, or of each frame's own. auto: one "
                     "length where it keeps every joint within 1 cm."),
    ] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:  # fmt: skip
    """Write the people of a recording for other programs; of several people .bvh, .trc, .c3d and .mot make a file each.

    .bvh  animation: y up, cm, a T as rest pose. .glb  glTF 2.0: y up, m, a skinned figure that moves.
    .trc, .c3d  markers: mm, y up and z up. .mot  OpenSim's Rajagopal model: y up, m, degrees.
    .csv, .parquet, .json  m, the recording's own axes; the tables have joint angles too.
    .mcap  the take with a scene, transforms and annotations for Foxglove.
    A gap, where nobody was seen, is residual -1, an empty cell, NaN or null; .bvh and .mot have none and bridge it.

    Examples: realtime export take.mcap -o walk.bvh; realtime export take.mcap -o gait.mot --person 2 --rate 100
    """
    import sys

    from realtime.export.export_file import export_file

    for written in export_file(source, output, stream=stream, person=person, rate_hz=rate, bones=bones,
                               overwrite=overwrite):  # fmt: skip
        sys.stdout.write(f"{written.path}: {written.said}\n")
