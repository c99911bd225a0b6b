"""`realtime serve`: lifts for many cameras on other machines."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from realtime.commands.live.lifting_options import Engine, Floor, Insecure, MaxFps, Metrics, Model, StreamPeople

log = logging.getLogger("realtime.serve")


def serve(
    bind: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Take keypoints of 'realtime produce' here.")
    ] = "tcp://127.0.0.1:5558",
    streams: Annotated[int, typer.Option(help="Lift so many streams at most; others are refused.")] = 16,
    people: StreamPeople = 1,
    address: Annotated[str, typer.Option(help="Publish all streams here.")] = "tcp://127.0.0.1:5556",
    rpc: Annotated[str, typer.Option("--rpc", "--rpc-address", help="Answer questions here.")] = "tcp://127.0.0.1:5557",
    keys: Annotated[Path | None, typer.Option(help="Directory of 'realtime keys': who may send and subscribe.")] = None,
    insecure: Insecure = False,
    window: Annotated[
        float, typer.Option(metavar="MS", help="A frame waits so long for others, 2 ms at most.")
    ] = 2.0,
    max_fps: MaxFps = 60.0,
    most_busy: Annotated[
        float, typer.Option(help="Part of the time at work beyond which nobody new is let in; 1: no such limit.")
    ] = 0.85,
    metrics: Metrics = None,
    engine: Engine = "auto",
    model: Model = "default",
    plan: Annotated[Path | None, typer.Option(help="A plan of 'realtime build-engine' to run on a GPU.")] = None,
    lookahead: Annotated[
        int, typer.Option(metavar="0|2|4|8", help="Wait for as many frames of 1/30 s, for smoother poses.")
    ] = 0,
    floor: Floor = "auto",
    cameras: Annotated[
        Path | None, typer.Option(help="Of 'realtime calibrate cameras': fuse the streams named there into one.")
    ] = None,
    stream: Annotated[str, typer.Option(help="Name of the fused stream.")] = "main",
    encoding: Annotated[str, typer.Option(metavar="msgpack|json", help="Encoding of the messages.")] = "msgpack",
) -> None:
    """Lift the keypoints of many cameras in batches, and publish each stream's poses under its name.

    Subscribers find them as ever: realtime view --stream door. Ctrl-C ends it.

    Examples:
      realtime serve
      realtime serve --cameras cameras.yaml
      realtime serve --streams 40 --metrics 127.0.0.1:9464
      realtime serve --bind tcp://*:5558 --address tcp://*:5556 --rpc tcp://*:5557 --keys keys
    """
    from realtime.config import LifterConfig, StreamConfig
    from realtime.serve.options import ServeOptions
    from realtime.serve.server import Server

    options = ServeOptions(
        bind, streams, people, window, max_fps, most_busy, floor, metrics,
        StreamConfig(address, rpc, stream, encoding=encoding, keys=keys, insecure=insecure),
        LifterConfig(model, engine, lookahead, plan), cameras=cameras,
    )  # fmt: skip
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Server(options) as server:
        log.info("%s on %s: %d streams at %s, poses at %s%s", server.model, server.engine, streams,
                 server.intake_address, server.address,
                 f", figures at {server.metrics_address}" if server.metrics_address else "")  # fmt: skip
        server.run(stop)
        log.info("%d frames lifted", server.figures.frames)
