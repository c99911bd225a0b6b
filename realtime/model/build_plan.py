"""What `realtime build-engine` does with its flags: check, say, build, tell."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from engines.errors import UserError
from engines.models.card import PAPER, find_model
from engines.plans.build_tensorrt import BuildOptions
from engines.plans.certificate import MIN_FRAMES, require_frames
from engines.plans.certify_model import Motion, frames_needed
from engines.plans.compile_plan import PlanRequest, Prepared, compile_plan, prepare, up_to_date
from engines.plans.plan import PlanCard
from engines.plans.tensorrt_log import log as tensorrt_log

SEQUENCES = 8


@dataclass(frozen=True)
class BuildFlags:
    """The command line of `realtime build-engine`, in its order."""

    model: str = "default"
    out: Path | None = None
    runtime: str = "rtx"
    via: str = "onnx"
    form: str = ""
    frames: int | None = None
    batch: str = "1,1,8"
    precision: str = "fp32"
    target: str = ""
    workspace: int | None = None
    opt_level: int = 3
    timing_cache: Path | None = None
    motion: Path | None = None
    parity_frames: int = MIN_FRAMES
    keep_onnx: bool = False
    inspect: bool = False
    dry_run: bool = False
    force: bool = False
    verbose: bool = False


def run(flags: BuildFlags) -> PlanCard | None:
    """Build what the flags ask for; None for a dry run. Raises UserError for everything that cannot be done."""
    if flags.verbose:
        tensorrt_log.setLevel(logging.DEBUG)
    request = request_of(flags)
    prepared = prepare(request, _motion(request, flags.parity_frames))
    if flags.dry_run:
        sys.stdout.write(f"would build {prepared.plan}: {_summary(request, prepared)}\n")
        return None
    card = None if flags.force else up_to_date(request, prepared)
    if card is None:
        card = _build(request, prepared, flags)
        sys.stdout.write(f"{prepared.plan}: {card.plan_bytes:,} bytes in {card.build_s:.1f} s,"
                         f" {_summary(request, prepared)}\n{card.conversion}\n{card.parity}\n")  # fmt: skip
    else:
        sys.stdout.write(f"{prepared.plan} is up to date: {card.parity}\n")
    if flags.inspect:
        from realtime.model.inspect_plan import describe

        sys.stdout.write(describe(card))
    return card


def request_of(flags: BuildFlags) -> PlanRequest:
    """The flags as a request. Raises UserError for values that are none, and for what this machine does not offer."""
    _require_via(flags.via)
    if not flags.force:
        require_frames(flags.parity_frames)
    card, _ = find_model(flags.model)
    if flags.frames is not None and flags.frames != card.frames:
        raise UserError(f"model {card.name} sees {card.frames} frames, not {flags.frames}: a plan is built for the"
                        " model as trained; name a model of that size instead of --frames")  # fmt: skip
    targets = tuple(flags.target.split(",")) if flags.target else ()
    options = BuildOptions(flags.runtime, targets, _batch(flags.batch), flags.workspace,
                           flags.opt_level, flags.timing_cache)  # fmt: skip
    form = flags.form or ("window" if card.kind == PAPER else "step")
    return PlanRequest(flags.model, form, flags.precision, options, flags.motion, flags.out, flags.keep_onnx,
                       flags.force)  # fmt: skip


def _batch(text: str) -> tuple[int, int, int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers = numbers * 3
    if len(numbers) != 3:
        raise UserError(f"--batch is {text!r}: give one number, or smallest,best,largest such as 1,8,64")
    return (numbers[0], numbers[1], numbers[2])


def _require_via(via: str) -> None:
    if via == "torch-tensorrt":
        raise UserError("--via torch-tensorrt is not offered: torch-tensorrt-rtx 2.14 needs a CUDA build of torch and"
                        " tensorrt_rtx below 1.7, this version builds with 1.7: use --via onnx")  # fmt: skip
    if via != "onnx":
        raise UserError(f"--via is {via!r}: choose onnx")


def _build(request: PlanRequest, prepared: Prepared, flags: BuildFlags) -> PlanCard:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=flags.verbose) as bar:
        task = bar.add_task("", total=None)

        def stage(text: str) -> None:
            bar.update(task, description=text, completed=0, total=None)

        def progress(phase: str, done: int, total: int) -> None:
            bar.update(task, description=phase, completed=done, total=total)

        return compile_plan(request, prepared, progress=progress, stage=stage)


def _motion(request: PlanRequest, poses: int) -> Motion:
    frames = frames_needed(find_model(request.model)[0], request.form, poses, SEQUENCES)
    if request.motion is None:
        from engines.plans.synthetic_motion import synthetic_motion

        return synthetic_motion(SEQUENCES, frames)
    from realtime.files.motion_files import read_motion

    return read_motion(request.motion, SEQUENCES, frames)


def _summary(request: PlanRequest, prepared: Prepared) -> str:
    low, best, high = request.options.batch
    return (f"{prepared.model.name}, {prepared.form} form, {request.precision}, batch {low} to {high} (best {best}),"
            f" for {', '.join(prepared.targets)}")  # fmt: skip
