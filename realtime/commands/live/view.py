"""`realtime view`: watch a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engines.errors import UserError

INTERRUPTED = 130  # the code that a shell gives a program that Ctrl-C ended


def view(
    address: Annotated[
        str, typer.Argument(metavar="[ADDRESS|TAKE.mcap|POSES.npz]", help="The publisher's address, or a recording.")
    ] = "tcp://127.0.0.1:5556",
    stream: Annotated[str | None, typer.Option(help="Name of the stream. (main; a take's only one)")] = None,
    render: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Draw every frame: .mp4, .gif, .png (a sheet of stills), a folder of PNGs."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the video if there is one.")] = False,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size of the picture in pixels. (960x720; a window's last)")
    ] = None,
    duration: Annotated[float | None, typer.Option(min=0, metavar="S", help="Stop after so many seconds.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N frames.")] = None,
    wait: Annotated[float, typer.Option(min=0, metavar="S", help="Give up when no pose arrives in S seconds.")] = 10.0,
    azimuth: Annotated[
        float | None, typer.Option(help="Degrees around the person; 0 is the camera's side. (32; a window's last)")
    ] = None,
    elevation: Annotated[
        float | None, typer.Option(min=-85, max=85, help="Degrees above the horizon. (14; a window's last)")
    ] = None,
    fps: Annotated[float | None, typer.Option(min=0.1, help="At most so many pictures a second of the film.")] = None,
    turntable: Annotated[
        float | None, typer.Option(min=0.5, metavar="S", help="Go round the people once in S seconds; with --render.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recording beside another: in grey, with the distance in mm.")
    ] = None,
    no_panel: Annotated[bool, typer.Option("--no-panel", help="Leave out what the stream says of itself.")] = False,
    no_smooth: Annotated[bool, typer.Option("--no-smooth", help="Draw poses alone, no motion between them.")] = False,
    antialias: Annotated[int, typer.Option(min=1, max=3, help="Smoother edges, slower; only with --render.")] = 2,
    key: Annotated[Path | None, typer.Option(help="This client's secret key file, for an encrypted stream.")] = None,
    server_key: Annotated[str | None, typer.Option(help="The publisher's public key, or its file.")] = None,
) -> None:
    """Watch the 3D skeletons of a stream: in a window, or drawn to a file where there is no display.

    In the window: drag to orbit, wheel to zoom, H for all keys, Q to quit. It opens as it was left.
    Left limbs are warm, right ones cool; a pose that is only held is grey, a joint that was not seen pale; a joint
    swells with its uncertainty; rings are under feet that stand, a line behind who walks. Feet and hands are thin lines
    where the stream has them (realtime run --feet --hands).

    Examples:
      realtime view
      realtime view tcp://192.168.1.20:5556 --stream stage --key me.key --server-key PUBLIC
      realtime view --render out.mp4 --duration 10 --azimuth 90
      realtime view take.mcap --render out.mp4
      realtime view ours.npz --compare theirs.npz --render both.mp4
      realtime view --render out.gif --fps 10 --size 480x360 --turntable 8
    """
    import signal
    import threading
    from types import FrameType

    from realtime.client.listen import client_keys
    from realtime.config import parse_size
    from realtime.view.remembered import window_file
    from realtime.view.scene.stage import ANGLE_DEG, SIZE_WH
    from realtime.view.view import view as show

    size_wh = None if size is None else parse_size(size)
    chosen = azimuth is not None or elevation is not None
    angle_deg = (ANGLE_DEG[0] if azimuth is None else azimuth, ANGLE_DEG[1] if elevation is None else elevation)
    if Path(address).suffix.lower() in (".mcap", ".npz"):
        _draw_recording(
            Path(address), render, size_wh or SIZE_WH, overwrite=overwrite, fps=fps, turntable_s=turntable,
            panel=not no_panel, other=compare, angle_deg=angle_deg, supersample=antialias, stream=stream,
            frames=frames, duration_s=duration,
        )  # fmt: skip
        return
    if compare is not None:
        raise UserError("--compare needs two recordings: record the stream with 'realtime record' first")
    keys = client_keys(key, server_key)
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # asked twice: now
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    summary = show(
        address, stream=stream or "main", render=render, size_wh=size_wh, duration_s=duration, frames=frames,
        wait_s=wait, stop=stop, angle_deg=angle_deg if chosen else None, supersample=antialias, keys=keys,
        remembered=window_file(), overwrite=overwrite, fps=fps, turntable_s=turntable, panel=not no_panel,
        smooth=not no_smooth,
    )  # fmt: skip
    where = f" to {render}" if render is not None and summary.frames else ""
    typer.echo(f"drew {summary.frames} frames{where}, {summary.draw_ms:.0f} ms each, {summary.missed} missed", err=True)


def _draw_recording(recording: Path, render: Path | None, size_wh: tuple[int, int], **options: Any) -> None:
    import signal
    import threading
    from types import FrameType

    from rich.console import Console
    from rich.progress import Progress

    from realtime.plot.film_of import film_of

    if render is None:
        replay = (f", or run 'realtime replay {recording} --loop' and 'realtime view' beside it for a window"
                  if recording.suffix.lower() == ".mcap" else "")  # fmt: skip
        raise UserError(f"{recording} is a recording, which is drawn to a file: add --render OUT.mp4{replay}")
    begun, stop = threading.Event(), threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() or not begun.is_set():  # asked twice, or there is no film yet
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("drawing", total=None)

        def show(done: int, total: int) -> None:
            begun.set()
            bar.update(task, completed=done, total=total)

        drawn = film_of(recording, render, size_wh=size_wh, progress=show, stopped=stop.is_set, **options)
    if drawn.poses < drawn.of:
        typer.echo(f"interrupted: {render} holds {drawn.poses} of {drawn.of} poses of {recording}", err=True)
        raise typer.Exit(INTERRUPTED)
    typer.echo(f"drew {drawn.poses} poses of {recording} to {render}", err=True)
