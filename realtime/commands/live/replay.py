"""`realtime replay`: a recording as a stream again."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("realtime.replay")


def replay(
    take: Annotated[Path, typer.Argument(metavar="TAKE.mcap", help="A file of 'realtime record'.")],
    speed: Annotated[float, typer.Option(min=0, help="Times the recorded pace; 0: as fast as it goes.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until Ctrl-C.")] = False,
    seek: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Begin so far into the recording.")] = 0.0,
    lift: Annotated[bool, typer.Option("--lift", help="Lift the keypoints anew, leave the poses out.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write a copy there (with --lift: the new poses), publish nothing."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the -o file if there is one.")] = False,
    model: Annotated[str, typer.Option(help="With --lift: the model.")] = "default",
    engine: Annotated[str, typer.Option(help="With --lift: what runs it.")] = "auto",
    lookahead: Annotated[int, typer.Option(min=0, help="With --lift: model frames of future.")] = 0,
    camera: Annotated[Path | None, typer.Option(help="With --lift: the camera's calibration.")] = None,
    ground: Annotated[Path | None, typer.Option(help="With --lift: the floor's calibration.")] = None,
    person: Annotated[str | None, typer.Option(help="With --lift: whose body size.")] = None,
    people: Annotated[int, typer.Option(min=1, max=8, help="With --lift: as in the 'realtime run' recorded.")] = 1,
    address: Annotated[str, typer.Option(help="Where to publish.")] = "tcp://127.0.0.1:5556",
    rpc: Annotated[str, typer.Option(help="Where to answer requests.")] = "tcp://127.0.0.1:5557",
    wait: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this for somebody to listen. (5)"),
    ] = None,
    encoding: Annotated[str, typer.Option(help="msgpack or json.")] = "msgpack",
    keys: Annotated[Path | None, typer.Option(help="Directory of 'realtime keys', to publish with keys.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Publish to other machines without keys.")] = False,
) -> None:
    """Publish a recording with its own timing, or lift its keypoints anew (the same poses, bit for bit, each time).

    A copy has the index that a killed recorder's file lacks, and which other programs ask for.
    Examples: realtime replay take.mcap --loop; realtime replay take.mcap --lift -o again.mcap;
    realtime replay killed.mcap -o whole.mcap
    """
    from realtime.server.publish import Publisher
    from realtime.takes.replay import LISTENER_S, LiftOptions
    from realtime.takes.replay import relift as relift_take
    from realtime.takes.replay import replay as replay_take
    from realtime.takes.take import copy_take, read_take

    options = LiftOptions(model, engine, lookahead, camera, ground, person, people) if lift else None
    if output is not None:
        if options is None:
            log.info("%d messages copied", copy_take(take, output, overwrite=overwrite))
        else:
            log.info("%d frames lifted", relift_take(take, output, options, overwrite=overwrite))
        return
    first = next(read_take(take), None)  # a wrong file is named before a busy port is
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stream = first.stream if first else "main"  # of others the publisher learns as they come
    with Publisher(
        address, rpc, stream, encoding=encoding, keys=keys, insecure=insecure, patient=speed == 0
    ) as publisher:
        log.info("replaying %s at %s: Ctrl-C ends it", take, publisher.address)
        sent = replay_take(
            take, publisher, speed=speed, loop=loop, seek_s=seek, lift=options, stop=stop,
            wait_s=LISTENER_S if wait is None else wait,
        )  # fmt: skip
    log.info("%d frames replayed", sent)
