"""`realtime train`: a progress bar, a log and a loss curve around engines.training.train."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from engines.errors import UserError
from engines.models.checkpoint import require_torch

Float = NDArray[np.float32]

CAPTURE_HZ = 120.0  # what clips are read at
LOG_NAME, CURVE_NAME = "log.jsonl", "loss.png"


def train(
    data: Sequence[Path], run: Path, config_path: Path | None, resume: bool, threads: int, name: str,
    held_out: frozenset[str],
) -> None:  # fmt: skip
    """Train from `data`, less the subjects held out, into the folder `run`; then write the model's files there."""
    require_torch("training")
    import torch

    from engines.models.stream_gla_gcn import StreamGLAGCN
    from engines.motion.mocap import Bank
    from engines.motion.split import subject_of
    from engines.training.batches import drawn_ahead
    from engines.training.calibrate_sigma import calibrate_sigma
    from engines.training.config import load_config
    from engines.training.ship import ship
    from engines.training.train import Trainer, as_it_began

    config = load_config(config_path or _default_config())
    if (run / "checkpoint.pt").exists() and not resume:
        raise UserError(f"{run} holds a run already: add --resume to continue it, or choose another folder")
    if resume and not (run / "checkpoint.pt").exists():
        raise UserError(f"nothing to resume: {run} holds no checkpoint.pt")
    torch.set_num_threads(threads)
    with Console(stderr=True).status(f"reading {', '.join(map(str, data))}"):
        clips = {name: clip for name, clip in _all_clips(data).items() if subject_of(name) not in held_out}
    bank = Bank.of(clips, CAPTURE_HZ)
    if resume:
        config = as_it_began(config, run)
    trainer = Trainer(config, bank, run)
    if resume:
        trainer.resume()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with drawn_ahead(config, bank, trainer.stage, trainer.step) as trainer.draw_batch:
            _with_progress(trainer, run)
    except KeyboardInterrupt:
        trainer.save()
        files, recipe = " ".join(map(str, data)), f" --config {config_path}" if config_path else ""
        raise UserError(f"stopped; continue with: realtime train {files} --run {run}{recipe} --resume") from None
    model = trainer.finished()
    if not isinstance(model, StreamGLAGCN):
        return  # a baseline: its checkpoint is what there is to keep
    if config.losses.sigma:
        with Console(stderr=True).status("fitting sigma to ordinary motion"):
            calibrate_sigma(model, bank, config.sampling)
    path = ship(model, name, run)
    Console(stderr=True).print(f"wrote {path}, its card and its ONNX graphs")


def _all_clips(data: Sequence[Path]) -> dict[str, Float]:
    """Of all files. Raises UserError where two have a clip of one name."""
    from engines.motion.importers.load_motion import load_clips

    clips: dict[str, Float] = {}
    for path in data:
        more = load_clips(path)
        if twice := sorted(clips.keys() & more.keys()):
            raise UserError(f"{path} has a clip named {twice[0]}, as a file before it: rename it, subjects go by names")
        clips |= more
    return clips


def _default_config() -> Path:
    import engines.training

    return Path(engines.training.__file__).parent / "configs" / "default.toml"


def _with_progress(trainer: Any, run: Path) -> None:
    run.mkdir(parents=True, exist_ok=True)
    stages = trainer.config.stages
    done = sum(stage.steps for stage in stages[: trainer.stage]) + trainer.step
    columns = (TextColumn("stage {task.fields[stage]}"), BarColumn(), TextColumn("{task.completed}/{task.total} steps"),
               TextColumn("{task.fields[figures]}"), TimeRemainingColumn())  # fmt: skip
    with (run / LOG_NAME).open("a") as log, Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=sum(stage.steps for stage in stages), completed=done, stage=1, figures="")

        def on_step(figures: dict[str, float]) -> None:
            progress.advance(bar)
            if figures["step"] % trainer.config.log_every:
                return
            speed = f"{figures['frames_per_s']:.0f} frames/s, sampling {figures['sampling_share']:.0%}"
            text = f"MPJPE {1000 * figures['mpjpe']:.0f} mm, {speed}"
            progress.update(bar, stage=int(figures["stage"]) + 1, figures=text)
            log.write(json.dumps(figures) + "\n")
            log.flush()

        trainer.train(on_step)
    draw_curve(run)


def draw_curve(run: Path) -> Path:
    """The run's loss curve as a PNG beside its log."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in (run / LOG_NAME).read_text().splitlines()]
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for term in ("mpjpe", "velocity"):
        at = [index for index, row in enumerate(rows) if term in row]
        axes.plot(at, [1000 * rows[index][term] for index in at], label=term, linewidth=0.8)
    axes.set(xlabel="log entries", ylabel="loss, mm", yscale="log", title=run.name)
    axes.legend()
    figure.savefig(run / CURVE_NAME, dpi=120, bbox_inches="tight")
    pyplot.close(figure)
    return run / CURVE_NAME
