"""`realtime lift`: recorded 2D keypoints, or a video, to 3D poses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def lift(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE",
                       help="Keypoints (.npz, .csv, a folder of OpenPose's JSON), a video, pictures, or - for a pipe."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.npz", help="The .npz to write.")],
    skeleton: Annotated[
        str | None,
        typer.Option(help="The keypoints' joints: h36m17, coco17, movenet, body25, halpe26, mediapipe33, "
                          "wholebody133. (told by their number; COCO's 17 by where they lie)"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="The picture's size, where the source does not say it: .csv, JSON."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second, where the source does not say it: .csv, JSON, pictures."),
    ] = None,
    people: Annotated[int, typer.Option(min=1, help="Of a video or JSON: how many people to look for.")] = 1,
    feet: Annotated[
        bool,
        typer.Option("--feet", help="Heels and toes too, hung on the lifted legs; of keypoints that have them."),
    ] = False,
    hands: Annotated[
        bool,
        typer.Option("--hands", help="Knuckles of the hands too, hung on the lifted wrists; likewise."),
    ] = False,
    detector: Annotated[
        str, typer.Option(metavar="lite|full|heavy|rtmpose|module:Class", help="Of a video: the detector.")
    ] = "full",
    camera: Annotated[Path | None, typer.Option(help="Camera calibration of 'realtime calibrate camera'.")] = None,
    ground: Annotated[
        Path | None,
        typer.Option(help="Floor of 'realtime calibrate ground': poses in world axes."),
    ] = None,
    person: Annotated[str | None, typer.Option(help="Who is in view, by 'realtime calibrate person'.")] = None,
    model: Annotated[str, typer.Option(help="A model's name, or the path of its .safetensors.")] = "default",
    mode: Annotated[str, typer.Option(help="stream: as live. window, sequence: the model's other forms.")] = "stream",
    engine: Annotated[str, typer.Option(help="auto, onnxruntime, torch or tensorrt.")] = "auto",
    lookahead: Annotated[int, typer.Option(help="Frames of future each pose sees: 0, 2, 4 or 8.")] = 0,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Smooth with the whole recording known, which no live pose can be: steadier, "
                                       "hardly truer. Not what the stream gives."),
    ] = False,
    align: Annotated[
        str | None,
        typer.Option(metavar="centre|end", help="The paper's model: where in its window a pose is. (centre)"),
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan of 'realtime build-engine' to run on a GPU.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Cores to use.")] = 1,
    mediapipe_world: Annotated[
        bool,
        typer.Option("--mediapipe-world", help="Of a video: MediaPipe's own 3D, for 'realtime view --compare'."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.npz if there is one.")] = False,
) -> None:
    """Lift recorded keypoints, or a video, with the code that runs live: without look-ahead the very same poses.

    An .npz has keypoints_px (T,N,2) or (T,P,N,2), NaN where missing; fps or t_s (T,); image_wh (2,); and optionally
    scores (T,N), ids (P,), camera_matrix (3,3), dist_coeffs. docs/input_formats.md says what the others have.

    OUT.npz: joints_m (T,17,3) relative to the hip, root_m (T,3), sigma_m (T,17), root_sigma_m, window_fill, held,
    t_s (T,), unseen (T,17), scale (T,), ids (P,), space, calibration, lag_frames, model, engine, mode; of several
    people (T,P,...). Row t is the pose of frame t; held rows (nobody seen) repeat the last pose. offline: whether
    rows are smoothed (--offline). feet_m (T,4,3), feet_sigma_m (T,4): right heel and toe, left heel and toe (--feet).
    hands_m (T,6,3), hands_sigma_m (T,6): right little finger's and index finger's knuckle and thumb, left (--hands).

    Examples:
      realtime lift keypoints.npz -o poses.npz --lookahead 4
      realtime lift walk.mp4 -o poses.npz --people 2 --ground floor.yaml
      realtime lift frames/ -o poses.npz --fps 25
      realtime lift walk.mp4 -o theirs.npz --mediapipe-world
      realtime lift openpose_json/ -o poses.npz --fps 30 --size 1920x1080
    """
    import sys

    from realtime.files.lift_file import LiftOptions, lift_file
    from realtime.files.read_source import Told, size_of
    from realtime.progress_bar import progress_bar
    from realtime.sources.pipe import STANDARD_INPUT, standard_input

    source = Path(standard_input()) if str(source) == STANDARD_INPUT else source
    options = LiftOptions(model, mode, engine, lookahead, align, threads, plan, camera, ground, person, offline)
    told = Told(skeleton, fps, size_of(size), people, detector, feet, hands)
    with progress_bar() as bar:
        task = bar.add_task(source.name, total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{source.name}, {what}", completed=done, total=total or None)

        if mediapipe_world:
            from realtime.files.mediapipe_world import lift_mediapipe_world, require_nothing_of_ours

            require_nothing_of_ours(options, told)

            result = lift_mediapipe_world(
                source, out, people=people, size=detector, fps=fps, ground=ground, overwrite=overwrite,
                progress=lambda done, total: show("watched", done, total),
            )  # fmt: skip
        else:
            result = lift_file(source, out, options, told, overwrite=overwrite, progress=show)
    held = int(result.held.reshape(len(result.held), -1).all(axis=1).sum())
    smoothed = ", smoothed offline" if result.offline else ""
    sys.stdout.write(f"{out}: {len(result.t_s)} frames, {held} of them held, {result.model} on {result.engine}, "
                     f"{result.mode}{smoothed}\n")  # fmt: skip
