"""`realtime produce`: keypoints of a camera here, to a server elsewhere."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

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


def produce(
    to: Annotated[str, typer.Option(metavar="tcp://HOST:PORT", help="Where 'realtime serve' takes keypoints.")],
    stream: Annotated[
        str | None, typer.Option(help="Name of the stream. (the key's name; without a key: main)")
    ] = None,
    source: Source = None,
    detector: Detector = None,
    people: People = None,
    feet: Feet = False,
    hands: Hands = False,
    loop: Loop = False,
    rotate: Rotate = None,
    mirror: Mirror = False,
    start: Start = None,
    source_fps: SourceFps = None,
    camera_width: CameraWidth = None,
    camera_height: CameraHeight = None,
    camera_fps: CameraFps = None,
    give_up: GiveUp = None,
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a server with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
    frames: Frames = None,
    duration: Duration = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="As of 'realtime run': its tables source and detector.")
    ] = None,
) -> None:
    """Send a camera's keypoints to 'realtime serve', which lifts them. No picture leaves this machine.

    It joins again by itself when the server was away; where the way is too slow the oldest frames are left out.

    Examples:
      realtime produce --to tcp://10.0.0.5:5558 --stream door
      realtime produce --to tcp://10.0.0.5:5558 --source rtsp://10.0.0.7/stream --detector lite
      realtime produce --to tcp://10.0.0.5:5558 --key door.key_secret --server-key server.key
    """
    from realtime.client.listen import client_keys
    from realtime.config import load_config
    from realtime.process.picture_memory import keep_picture_memory
    from realtime.produce.produce import produce as run

    flags = {
        "source.name": source, "source.loop": loop or None, "source.mirror": mirror or None, "source.start_s": start,
        "source.rotate_deg": rotate,
        "source.file_fps": source_fps, "source.width": camera_width, "source.height": camera_height,
        "source.fps": camera_fps, "source.give_up_s": give_up, "detector.size": detector, "detector.people": people,
        "detector.feet": feet or None, "detector.hands": hands or None,
        "frames": frames, "duration_s": duration,
    }  # fmt: skip
    keep_picture_memory()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    name = stream or ("main" if key is None else key.name.removesuffix(".key_secret"))
    run(load_config(config, flags), to, name, client_keys(key, server_key), stop)
