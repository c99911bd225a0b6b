"""`realtime fleet`: many lifting servers as one, on Ray."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands.live.lifting_options import Engine, Floor, Insecure, MaxFps, Metrics, Model, StreamPeople

app = typer.Typer(
    no_args_is_help=True, help="Lift more cameras than one process can: many workers as one server, on Ray."
)  # fmt: skip
log = logging.getLogger("realtime.fleet")

Name = Annotated[str, typer.Option("--name", help="Name of the fleet on this machine.")]


@app.command()
def up(
    workers: Annotated[int, typer.Option(help="Start so many, and keep so many alive.")] = 2,
    most_workers: Annotated[
        int | None, typer.Option(help="Grow to so many by itself, and shrink again, as the load asks for it.")
    ] = None,
    bind: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Producers come here, and are told where to go.")
    ] = "tcp://127.0.0.1:5558",
    address: Annotated[str, typer.Option(help="All poses are here, whichever worker lifts.")] = "tcp://127.0.0.1:5556",
    rpc: Annotated[str, typer.Option("--rpc", "--rpc-address", help="Answer questions here.")] = "tcp://127.0.0.1:5557",
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", metavar="HOST:PORT", help="A Ray cluster that runs. (one of its own, here)"),
    ] = None,
    cpus: Annotated[float, typer.Option(help="Cores that Ray counts for each worker, on a cluster.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs for each worker; 0.25: four share one.")] = 0.0,
    streams: Annotated[int, typer.Option(help="A worker lifts so many streams at most.")] = 16,
    people: StreamPeople = 1,
    keys: Annotated[
        Path | None, typer.Option(help="Directory of 'realtime keys', at the same place on every machine.")
    ] = None,
    insecure: Insecure = False,
    max_fps: MaxFps = 60.0,
    most_busy: Annotated[
        float, typer.Option(help="Part of the time at work beyond which a worker takes nobody new; 1: no such limit.")
    ] = 0.85,
    metrics: Metrics = None,
    engine: Engine = "auto",
    model: Model = "default",
    floor: Floor = "auto",
    name: Name = "main",
) -> None:
    """Start a door and workers; producers and subscribers use the door's addresses as they use those of 'serve'.

    A worker that dies is replaced, and its streams go on elsewhere. Ctrl-C or 'realtime fleet down' ends all.

    Examples:
      realtime fleet up --workers 4
      realtime fleet up --workers 8 --ray-address 10.0.0.5:6379 --bind tcp://*:5558 --address tcp://*:5556 --rpc
      tcp://*:5557 --keys /etc/realtime/keys
    """
    from realtime.config import LifterConfig, StreamConfig
    from realtime.fleet.options import DoorOptions, FleetOptions
    from realtime.fleet.up import up as run
    from realtime.serve.options import ServeOptions

    serve = ServeOptions(
        bind, streams, people, max_fps=max_fps, most_busy=most_busy, floor=floor,
        stream=StreamConfig(keys=keys, insecure=insecure), lifter=LifterConfig(model, engine),
    )  # fmt: skip
    door = DoorOptions(bind, address, rpc, keys, insecure, metrics)
    options = FleetOptions(workers, most_workers, name, ray_address, cpus, gpus, door, serve)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run(options, stop)


@app.command()
def status(
    name: Name = "main",
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
) -> None:
    """Say which workers there are, and what they lift."""
    from realtime.fleet.control import Order, ask

    told = ask(name, Order("status"))
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        _show(told)


@app.command()
def add(
    count: Annotated[int, typer.Argument(min=1, max=1000, help="So many more.")] = 1, name: Name = "main"
) -> None:  # fmt: skip
    """Add workers; streams of the fullest are handed over to them while they go on."""
    from realtime.fleet.control import Order, ask

    for added in ask(name, Order("add", count)):
        sys.stdout.write(f"{added}\n")


@app.command()
def remove(
    worker: Annotated[str | None, typer.Argument(help="Its name. (the newest)")] = None, name: Name = "main"
) -> None:
    """Hand a worker's streams over to the others, then end it."""
    from realtime.fleet.control import Order, ask

    sys.stdout.write(f"{ask(name, Order('remove', worker=worker))}\n")


@app.command()
def upgrade(name: Name = "main") -> None:
    """Replace every worker, one after the other, by one that is started anew: with the code that is installed now."""
    from realtime.fleet.control import Order, ask

    for started in ask(name, Order("upgrade")):
        sys.stdout.write(f"{started}\n")


@app.command()
def down(
    name: Name = "main",
    timeout: Annotated[float, typer.Option(metavar="S", min=1, help="How long to wait for its end.")] = 60.0,
) -> None:
    """End a fleet on this machine, and wait until it has ended."""
    from realtime.fleet.control import down as end

    log.info("process %d has ended", end(name, timeout))


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(told['streams'])} streams, producers at {told['door']['intake']}, poses at "
                        f"{told['door']['address']}")  # fmt: skip
    for heading in ("worker", "machine", "process", "streams", "at most", "busy", "frames", "memory", ""):
        table.add_column(heading, justify="left" if heading in ("worker", "machine", "") else "right")
    for one in told["workers"]:
        table.add_row(
            one["name"], one["machine"], str(one["pid"]), str(one["streams"]), str(one["limit"]),
            f"{one['busy']:.0%}", str(one["frames"]), f"{one['memory_mb']:.0f} MB", "leaves" if one["draining"] else "",
        )  # fmt: skip
    console = Console()
    console.print(table)
    console.print(f"{told['wanted']} workers wanted, {told['moving']} streams about to move, {told['moves']} moved; "
                  f"logs: {told['logs']}")  # fmt: skip
