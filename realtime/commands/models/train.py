"""`realtime train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[
        list[Path], typer.Argument(help="Motion capture: npz files of clips, folders of ASF/AMC or BVH files.")
    ],
    run: Annotated[Path, typer.Option(help="Folder for checkpoints, log, curve and model.")] = Path("runs/train"),
    config: Annotated[Path | None, typer.Option(help="TOML recipe; default: 20,000 batches from the start.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in its folder, bit for bit.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Cores to train on; batches are drawn on one more.")] = 2,
    hold_out: Annotated[str, typer.Option(help="Subjects never trained on, by the clips' names.")] = "03,06,08,10",
    name: Annotated[str, typer.Option(help="Name of the trained model.")] = "stream",
) -> None:
    r"""Train a streaming lifter on a CPU (needs: pip install 'realtime-pose\[train]').

    Example: realtime train mocap.npz more.npz --run runs/first
    After Ctrl-C: realtime train mocap.npz more.npz --run runs/first --resume
    """
    from realtime.model.train import train as work

    work(data, run, config, resume, threads, name, frozenset(filter(None, hold_out.split(","))))
