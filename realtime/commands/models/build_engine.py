"""`realtime build-engine`: a TensorRT plan with proof of what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def build_engine(
    model: Annotated[str, typer.Argument(help="A model's name, or the path of its .safetensors.")] = "default",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="PLAN", help="Default: the user cache.")] = None,
    runtime: Annotated[str, typer.Option(help="rtx: TensorRT for RTX, builds anywhere. tensorrt: on the GPU.")] = "rtx",
    via: Annotated[str, typer.Option(help="onnx, or torch-tensorrt.")] = "onnx",
    form: Annotated[str, typer.Option(help="step (streaming models) or window. Default: what the model has.")] = "",
    frames: Annotated[int | None, typer.Option(help="27, 81 or 243: the model's receptive field, as a check.")] = None,
    batch: Annotated[str, typer.Option(help="Streams at once: smallest,best,largest, or one number.")] = "1,1,8",
    precision: Annotated[str, typer.Option(help="fp32, fp16, bf16 or int8.")] = "fp32",
    target: Annotated[str, typer.Option(help="GPUs to build for, or 'current'. Default: the usual RTX ones.")] = "",
    workspace: Annotated[int | None, typer.Option(metavar="MIB", help="Most scratch memory on the GPU.")] = None,
    opt_level: Annotated[int, typer.Option(help="0 (fastest build) to 5 (fastest plan).")] = 3,
    timing_cache: Annotated[Path | None, typer.Option(help="For --runtime tensorrt: keep kernel timings here.")] = None,
    motion: Annotated[
        Path | None, typer.Option(help="Recorded keypoints (.npz, .mcap) to certify and calibrate on.")
    ] = None,
    parity_frames: Annotated[int, typer.Option(min=1, help="Poses to certify on; at least 1000, or --force.")] = 1000,
    keep_onnx: Annotated[bool, typer.Option("--keep-onnx", help="Also write PLAN.onnx.")] = False,
    inspect: Annotated[bool, typer.Option("--inspect", help="Print the plan's card and layers when done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, say what would be built, stop.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Build again; convert everything and keep it though it is not exact.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show TensorRT's own messages.")] = False,
) -> None:
    """Build a TensorRT plan and its card, PLAN.json: no GPU needed, except for --runtime tensorrt and --target current.

    The graph that goes into the plan is first run against torch; a precision that moves joints by more than 1 mm
    (fp16, bf16) or 5 mm on average (int8) is refused. Parts of the graph stay in fp32 where that is what it takes.

    Examples:

    realtime build-engine

    realtime build-engine --precision fp16 --target sm89 --batch 1,8,64 -o stream.plan

    realtime build-engine models/gla-gcn-243.safetensors --batch 1 -o paper.plan
    """
    from engines.models.card import find_model

    find_model(model)  # before what building needs is asked for
    from realtime.model.build_plan import BuildFlags, run

    run(BuildFlags(model, out, runtime, via, form, frames, batch, precision, target, workspace, opt_level,
                   timing_cache, motion, parity_frames, keep_onnx, inspect, dry_run, force, verbose))  # fmt: skip
