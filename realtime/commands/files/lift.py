"""`realtime lift`: recorded 2D keypoints to 3D poses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def lift(
    source: Annotated[Path, typer.Argument(metavar="IN.npz", help="keypoints_px (T,17,2), fps or t_s, image_wh.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.npz", help="The .npz to write.")],
    model: Annotated[str, typer.Option(help="A model's name, or the path of its .safetensors.")] = "default",
    mode: Annotated[str, typer.Option(help="stream: as live. window, sequence: the model's other forms.")] = "stream",
    engine: Annotated[str, typer.Option(help="auto, onnxruntime, torch or tensorrt.")] = "auto",
    lookahead: Annotated[int, typer.Option(help="Frames of future each pose sees: 0, 2, 4 or 8.")] = 0,
    align: Annotated[
        str | None,
        typer.Option(metavar="centre|end", help="The paper's model: where in its window a pose is. (centre)"),
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan of 'realtime build-engine' to run on a GPU.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Cores to use.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.npz if there is one.")] = False,
) -> None:
    """Lift recorded keypoints (Human3.6M's 17 joints) with the code that runs live.

    IN.npz: keypoints_px (T,17,2), NaN where missing; fps or t_s (T,); image_wh (2,); and optionally scores (T,17),
    camera_matrix (3,3), dist_coeffs. OUT.npz: joints_m (T,17,3) relative to the hip in camera axes, root_m (T,3),
    sigma_m (T,17), window_fill (T,), held (T,), t_s (T,), lag_frames, model, engine, mode. Row t is the pose of frame
    t; held rows (nobody seen) repeat the last pose.

    Example: realtime lift keypoints.npz -o poses.npz --lookahead 4
    """
    import sys

    from realtime.files.lift_file import lift_file
    from realtime.progress_bar import progress_bar

    with progress_bar() as bar:
        task = bar.add_task(source.name, total=None)
        result = lift_file(source, out, model=model, mode=mode, engine=engine, lookahead=lookahead, align=align,
                           threads=threads, plan=plan, overwrite=overwrite,
                           progress=lambda done, total: bar.update(task, completed=done, total=total))  # fmt: skip
    sys.stdout.write(f"{out}: {len(result.t_s)} frames, {int(result.held.sum())} of them held, "
                     f"{result.model} on {result.engine}, {result.mode}\n")  # fmt: skip
