"""`realtime bench training`: the streaming model against other designs and its own ablations, for equal time each."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

EVERY_CLIP = 2  # the window models need a whole window a frame: half of the held-out clips is scored


def bench_training(
    data: Annotated[Path, typer.Option(help="Motion capture, as for 'realtime train'.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Processor time each, on one core.")] = 5.0,
    only: Annotated[str, typer.Option(help="Some of the variants, by name, comma-separated.")] = "",
) -> None:
    r"""Train every design on the same data for the same time, score all on held-out people. Last line: one JSON object.

    Needs 'realtime-pose\[train]'. Only what one run trains is compared fairly: what a step costs is measured in turns.

    Example: realtime bench training --data cmu_17j_120fps.npz --minutes 5 --only stream-243,single-frame
    """
    import sys
    import tempfile
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    from engines.errors import UserError
    from engines.models.checkpoint import require_torch

    require_torch("comparing trainings")
    import torch

    from engines.evaluation.protocols import CAPTURE_HZ, held_out_clips
    from engines.motion.importers.load_motion import load_clips
    from engines.motion.mocap import Bank
    from engines.motion.split import TEST_SUBJECTS, subject_of
    from engines.training.compare import VARIANTS, Result, plan_stages, train_variant

    names = only.split(",") if only else list(VARIANTS)
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        raise UserError(f"no variant {unknown[0]!r}: choose from {', '.join(VARIANTS)}")
    torch.set_num_threads(1)
    console = Console(stderr=True)
    clips = held_out_clips(data)
    judged = {name: clips[name] for name in sorted(clips)[::EVERY_CLIP]}
    training = {name: clip for name, clip in load_clips(data).items() if subject_of(name) not in TEST_SUBJECTS}
    bank = Bank.of(training, CAPTURE_HZ)
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, tempfile.TemporaryDirectory() as folder:
        bar = progress.add_task("what a step costs", total=None)
        planned = plan_stages(names, bank, 60 * minutes, Path(folder))
        progress.remove_task(bar)
        for name, stages in planned.items():
            bar = progress.add_task(name, total=1.0)
            result = train_variant(name, stages, bank, judged, Path(folder) / name,
                                   on_share=partial(_update, progress, bar))  # fmt: skip
            results.append(result)
            console.print(_line(result))
    sys.stdout.write(json.dumps({"minutes": minutes, "results": [asdict(result) for result in results]}) + "\n")


def _update(progress: Progress, bar: TaskID, share: float) -> None:
    progress.update(bar, completed=share)


def _line(result: object) -> str:
    from engines.training.compare import Result

    assert isinstance(result, Result)
    scores = ", ".join(f"{name} {each.mpjpe_mm:.1f} mm, {each.p_mpjpe_mm:.1f} aligned, {each.mpjve_mm:.2f} a frame"
                       for name, each in result.metrics.items())  # fmt: skip
    return f"{result.name} ({result.parameters} weights, {result.samples} samples in {result.cpu_s:.0f} s): {scores}"
