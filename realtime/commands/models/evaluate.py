"""`realtime evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or the path of one.")] = "default",
    data: Annotated[
        Path | None, typer.Option(help="Motion capture for the synthetic protocols, or a dataset; see below.")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable: a protocol or group: held-out, poses, cut-off, mistakes, cameras, bodies, all."),
    ] = None,
    keypoints: Annotated[Path | None, typer.Option(help="The data_2d_*.npz of a data_3d_*.npz.")] = None,
    lookahead: Annotated[list[int] | None, typer.Option(help="Repeatable; default: all that the model has.")] = None,
    subjects: Annotated[str, typer.Option(help="Subjects of the motion capture, by the clips' names.")] = "03,06,08,10",
    views: Annotated[int, typer.Option(min=1, help="Virtual cameras a clip.")] = 2,
    engine: Annotated[str, typer.Option(help="auto, onnxruntime, torch or tensorrt.")] = "auto",
    align: Annotated[
        str | None,
        typer.Option(metavar="centre|end", help="The paper's model: where in its window a pose is. (centre)"),
    ] = None,
    clip: Annotated[
        list[Path] | None, typer.Option(help="Repeatable: a video of real people, beside MediaPipe's own 3D.")
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="A person seen by four calibrated cameras: true poses, angles, leaps.")
    ] = False,
    part: Annotated[
        str,
        typer.Option(
            metavar="line|network|clean|body",
            help="All that a pose goes through live; the network alone, or with what comes before it, or after.",
        ),
    ] = "line",
    known_height: Annotated[
        bool, typer.Option("--known-height", help="As if each person's height had been given.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Motion capture: smoothed as by 'realtime lift --offline'.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write every figure here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write tables here: by action, joint and look-ahead.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw error over delay here, as a PNG.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what --json, --markdown and --plot name.")
    ] = False,
) -> None:
    r"""Score a lifter with the published measures (needs: pip install 'realtime-pose\[train]').

    Motion capture (an npz of clips, a folder of ASF/AMC or BVH files) is seen by virtual cameras with fixed seeds.
    A dataset is scored as it is: data_3d_h36m.npz or data_3d_humaneva15.npz with --keypoints, MPI-INF-3DHP's
    annot.mat or annot_data.mat (or a folder of them), or a plain npz with keypoints_px (T,17,2), joints_m (T,17,3)
    in camera axes, camera_matrix (3,3), and if known score (T,17), rate_hz, action, joints (17).

    Videos of real people (--clip) have no true poses: bone-length stability, jitter and reprojection are compared
    with MediaPipe's own world landmarks on the same frames. With --people there are: Pose2Sim's demonstration, one
    person seen by four calibrated cameras, fetched when it is first asked for (51 MB); each view is lifted alone.

    Example: realtime evaluate --data mocap.npz --protocol all --markdown accuracy.md

    Example: realtime evaluate --clip squats.mp4 --clip street.mp4

    Example: realtime evaluate --people --data mocap.npz --protocol cut-off --protocol mistakes

    Example: realtime evaluate gla-gcn-243 --data data_3d_h36m.npz --keypoints data_2d_h36m_gt.npz
    """
    from engines.errors import UserError
    from realtime.model.evaluate import Request
    from realtime.model.evaluate import evaluate as work

    if data is None and not clip and not people:
        raise UserError(
            "nothing to score the model on: add --data PATH (motion capture or a dataset), --clip VIDEO or --people"
        )
    work(
        Request(
            model=model, data=data, keypoints=keypoints, protocols=tuple(protocol or ()),
            subjects=tuple(filter(None, subjects.split(","))), lookaheads=tuple(lookahead or ()), engine=engine,
            align=align, views=views, clips=tuple(clip or ()), people=people, part=part, known_height=known_height,
            offline=offline, json=json, markdown=markdown, plot=plot, overwrite=overwrite,
        )
    )  # fmt: skip
