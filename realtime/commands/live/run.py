"""`realtime run`: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.commands.live.source_options import (
    CameraFps,
    CameraHeight,
    CameraWidth,
    Detector,
    Duration,
    Feet,
    Frames,
    GiveUp,
    Hands,
    Loop,
    Mirror,
    People,
    Rotate,
    Source,
    SourceFps,
    Start,
)  # fmt: skip

if TYPE_CHECKING:
    from realtime.config import StreamConfig


def run(
    source: Source = None,
    detector: Detector = None,
    people: People = None,
    feet: Feet = False,
    hands: Hands = False,
    follow: Annotated[
        str | None,
        typer.Option(metavar="nearest|largest|ID", help="Publish one person alone, whoever else is in view."),
    ] = None,
    loop: Loop = False,
    max_speed: Annotated[
        bool,
        typer.Option("--max-speed", help="Play a file as fast as possible, no frame dropped."),
    ] = False,
    rotate: Rotate = None,
    mirror: Mirror = False,
    start: Start = None,
    source_fps: SourceFps = None,
    camera_width: CameraWidth = None,
    camera_height: CameraHeight = None,
    camera_fps: CameraFps = None,
    give_up: GiveUp = None,
    engine: Annotated[
        str | None,
        typer.Option(help="What runs the lifter: auto, onnxruntime, torch, tensorrt, cuda, tensorrt-rtx."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The lifter's model: a name or a file.")] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan of 'realtime build-engine' to run on a GPU.")] = None,
    lookahead: Annotated[
        int | None,
        typer.Option(metavar="0|2|4|8", help="Wait for as many frames of 1/30 s, for smoother poses."),
    ] = None,
    align: Annotated[
        str | None,
        typer.Option(metavar="centre|end", help="The paper's model: where in its window a pose is. (centre)"),
    ] = None,
    address: Annotated[str | None, typer.Option(help="Publish here. (tcp://127.0.0.1:5556)")] = None,
    rpc_address: Annotated[
        str | None,
        typer.Option("--rpc", "--rpc-address", help="Answer questions here. (tcp://127.0.0.1:5557)"),
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Name of the stream. (main)")] = None,
    encoding: Annotated[str | None, typer.Option(metavar="msgpack|json", help="Encoding of the messages.")] = None,
    keys: Annotated[
        Path | None,
        typer.Option(help="Directory of 'realtime keys', to publish to other machines."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Publish to other machines without keys.")] = False,
    no_view: Annotated[bool, typer.Option("--no-view", help="Publish only.")] = False,
    render: Annotated[
        Path | None,
        typer.Option(metavar="OUT.mp4", help="Draw into a film instead of a window: .mp4, .gif, .png, a folder."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(metavar="inset|side|3d", help="The source's picture: in the corner, beside, or left out."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size of the picture in pixels. (960x720; a window's last)")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="A film has at most so many pictures a second. (all)")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the film if there is one.")] = False,
    camera: Annotated[Path | None, typer.Option(help="Camera calibration of 'realtime calibrate camera'.")] = None,
    ground: Annotated[
        Path | None,
        typer.Option(help="Floor of 'realtime calibrate ground': poses in world axes."),
    ] = None,
    floor: Annotated[
        str | None,
        typer.Option(metavar="auto|off", help="Without --ground: learn the floor from people's feet. (auto)"),
    ] = None,
    person: Annotated[str | None, typer.Option(help="Who is in view, by 'realtime calibrate person'.")] = None,
    frames: Frames = None,
    duration: Duration = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Answer Prometheus at http://HOST:PORT/metrics.")
    ] = None,
    realtime_priority: Annotated[
        bool,
        typer.Option("--realtime-priority", help="Lift before all else that runs here (Linux, if you may)."),
    ] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings; options given here win.")] = None,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Show the figures all over this terminal.")] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Go on without this terminal and a window: realtime status, realtime stop."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON line on stdout.")] = False,
    log_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what happens there too, one JSON object a line."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more about what goes wrong.")] = False,
) -> None:
    """Turn a camera or a video into a live stream of 3D poses, and show it.

    A film is drawn where there is no display. Closing the window does not end the stream; Ctrl-C does.

    Exit codes: 0 the source ended, or it was asked to end; 1 a fault of this program; 2 something to be mended, said in
    one sentence; 130 Ctrl-C before the first frame.

    Examples:
      realtime run
      realtime run --source 0 --mirror
      realtime run --source 0 --no-view --dashboard
      realtime run --source frames/img_%04d.png --source-fps 25 --rotate 90
      realtime run --source walk.mp4 --max-speed --no-view --json
      ffmpeg -i walk.mp4 -f nut -c copy - | realtime run --source - --max-speed
      realtime run --source rtsp://10.0.0.7/stream --people 2 --render out.mp4
      realtime run --people 4 --follow nearest
      realtime run --config site.toml
    """
    from engines.errors import UserError
    from realtime.config import load_config
    from realtime.session.run_session import run_session
    from realtime.site.config import is_site, load_site

    flags = {
        "source.name": source, "source.loop": loop or None, "source.max_speed": max_speed or None,
        "source.rotate_deg": rotate, "source.mirror": mirror or None,
        "source.start_s": start, "source.file_fps": source_fps,
        "source.width": camera_width, "source.height": camera_height, "source.fps": camera_fps,
        "source.give_up_s": give_up,
        "detector.size": detector, "detector.people": people,
        "detector.feet": feet or None, "detector.hands": hands or None,
        "lifter.engine": engine, "lifter.model": model, "lifter.plan": plan, "lifter.lookahead": lookahead,
        "lifter.align": align,
        "stream.address": address, "stream.rpc_address": rpc_address, "stream.name": stream,
        "stream.encoding": encoding, "stream.keys": keys, "stream.insecure": insecure or None,
        "stream.follow": follow,
        "view.enabled": False if no_view else None, "view.render": render,
        "view.overwrite": overwrite or None, "view.layout": layout, "view.size": size, "view.fps": fps,
        "place.camera": camera, "place.ground": ground, "place.person": person,
        "place.floor": floor,
        "frames": frames, "duration_s": duration, "metrics": metrics, "realtime_priority": realtime_priority or None,
    }  # fmt: skip
    if config is not None and is_site(config):
        site = load_site(config, flags)
        if dashboard:
            raise UserError("a site of several cameras has no --dashboard yet: leave it out, and ask 'realtime status' "
                            "or watch a stream with 'realtime watch'")  # fmt: skip
        if detach:
            _start_detached(site.stream, site.view.render, [one.name for one in site.camera])
            return
        from realtime.site.run_site import run_site

        run_site(site, json_summary=json, verbose=verbose, log_json=log_json)
        return
    told = load_config(config, flags)
    if detach:
        if told.source.name.startswith("/proc/"):
            raise UserError("what is piped in ends with this terminal: leave out --detach, or save the video as a file")
        _start_detached(told.stream, told.view.render)
        return
    run_session(told, json_summary=json, verbose=verbose, dashboard=dashboard, log_json=log_json)


def _start_detached(stream: StreamConfig, film: Path | None, published: Sequence[str] = ()) -> None:
    import sys

    from realtime.session.detach import detach

    running, log = detach(stream, film, sys.argv[1:], published)
    typer.echo(f"stream '{running.stream}' at {running.address} is process {running.pid}, which logs into {log}: "
               "realtime status says how it is, realtime stop ends it", err=True)  # fmt: skip
