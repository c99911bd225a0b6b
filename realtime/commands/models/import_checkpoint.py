"""`realtime import-checkpoint`: a published GLA-GCN checkpoint into the project's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="The published checkpoint: a pickle with 'model_pos'.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .safetensors to write. Default: beside FILE, same stem.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name in messages. Default: the stem of --out.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model of that name.")] = False,
) -> None:
    """Turn a published GLA-GCN checkpoint into weights this project runs: .safetensors, a JSON card, an ONNX graph.

    Nothing in the pickle is executed. Only import weights whose licence allows what you want to do with them.

    Example: realtime import-checkpoint best_epoch.bin -o models/gla-gcn-243.safetensors; then realtime run --model
    models/gla-gcn-243.safetensors
    """
    import sys

    from engines.errors import UserError
    from engines.models.checkpoint import require_torch
    from engines.write_aside import refuse_existing

    if not file.is_file():
        raise UserError(f"{file} does not exist: give the path of a published GLA-GCN checkpoint")
    target = (out or file).with_suffix(".safetensors")
    for made in (target, target.with_suffix(".json"), target.with_suffix(".onnx")):
        if made.exists() and made.samefile(file):
            raise UserError(f"{made} is the checkpoint itself: choose another name with -o")
        refuse_existing(made, overwrite)
    require_torch("importing a checkpoint")
    from engines.export.paper_onnx import export_paper
    from engines.models.published import import_checkpoint as run

    card = run(file, target, name or target.stem)
    export_paper(target, target.with_suffix(".onnx"))
    sys.stdout.write(f"{target}: T = {card.frames}, C = {card.channels}, {card.joints} joints, {card.head} head, "
                     f"{card.parameters:,} parameters\n")  # fmt: skip
