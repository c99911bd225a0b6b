"""`realtime bridge`: a live stream to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Pass a live stream on to other programs, until Ctrl-C.")

Address = Annotated[str, typer.Argument(help="The publisher's address.")]
At = Annotated[
    str | None, typer.Option("--address", metavar="ADDRESS", help="The publisher's address, as other commands have it.")
]
Stream = Annotated[str, typer.Option(help="Name of the stream.")]
Person = Annotated[int | None, typer.Option(min=0, help="Only this id.")]
Key = Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")]
ServerKey = Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")]
HERE = "tcp://127.0.0.1:5556"
To = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the other program listens.")]


@app.command()
def vmc(
    address: Address = HERE,
    at: At = None,
    to: To = "127.0.0.1:39539",
    stream: Stream = "main",
    person: Person = None,
    key: Key = None,
    server_key: ServerKey = None,
) -> None:
    """Move an avatar (VSeeFace, Warudo, VNyan, Unity, Blender): one person's bones by the VMC protocol.

    Example: realtime bridge vmc --to 127.0.0.1:39539
    """
    from realtime.bridge.osc_out import OscOut
    from realtime.bridge.relay import run_bridge
    from realtime.bridge.vmc import Vmc

    with OscOut(to) as out:
        run_bridge(at or address, stream, Vmc(out, person), f"bones to {to}", key=key, server_key=server_key)


@app.command()
def osc(
    address: Address = HERE,
    at: At = None,
    to: To = "127.0.0.1:9000",
    stream: Stream = "main",
    person: Person = None,
    key: Key = None,
    server_key: ServerKey = None,
) -> None:
    """Send everybody's joints as plain OSC: /realtime/people ID ..., /realtime/ID/JOINT x y z (m, y up), each frame.

    Example: realtime bridge osc --to 192.168.1.30:9000
    """
    from realtime.bridge.osc import PlainOsc
    from realtime.bridge.osc_out import OscOut
    from realtime.bridge.relay import run_bridge

    with OscOut(to) as out:
        run_bridge(at or address, stream, PlainOsc(out, person), f"joints to {to}", key=key, server_key=server_key)


@app.command()
def foxglove(
    address: Address = HERE,
    at: At = None,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where Foxglove connects to.")] = "127.0.0.1:8765",
    insecure: Annotated[bool, typer.Option("--insecure", help="Let everybody watch who reaches that address.")] = False,
    stream: Stream = "main",
    key: Key = None,
    server_key: ServerKey = None,
) -> None:
    """Show people live in Foxglove: a scene (/people), transforms of their bones (/tf), and keypoints (/keypoints).

    The frame to display in is room.

    Example: realtime bridge foxglove, then in Foxglove: Open connection, ws://localhost:8765
    """
    from realtime.bridge.foxglove import Foxglove
    from realtime.bridge.keypoints import NewestKeypoints
    from realtime.bridge.relay import run_bridge
    from realtime.client.listen import client_keys

    with (
        NewestKeypoints(at or address, stream, client_keys(key, server_key)) as keypoints,
        Foxglove(listen, keypoints, insecure=insecure) as server,
    ):
        what = f"people at ws://{listen} for Foxglove"
        run_bridge(at or address, stream, server, what, key=key, server_key=server_key)


@app.command()
def rerun(
    address: Address = HERE,
    at: At = None,
    save: Annotated[
        Path | None, typer.Option(metavar="OUT.rrd", help="Write a recording instead of opening the viewer.")
    ] = None,
    connect: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="To a viewer that is open already; it says 9876.")
    ] = None,
    serve: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65535, help="Wait for viewers to connect here; wants --insecure."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let everybody watch who reaches that port.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.rrd if there is one.")] = False,
    stream: Stream = "main",
    key: Key = None,
    server_key: ServerKey = None,
) -> None:
    r"""Show people in Rerun, or record them for it: /people/ID in space, /keypoints/ID in the picture.

    Its viewer is opened on this machine unless told otherwise. Needs: pip install 'realtime-pose\[rerun]'.

    Example: realtime bridge rerun --save walk.rrd, then rerun walk.rrd
    """
    from realtime.bridge.keypoints import NewestKeypoints
    from realtime.bridge.relay import run_bridge
    from realtime.bridge.rerun import Rerun, target
    from realtime.client.listen import client_keys

    to = target(save, connect, serve, insecure=insecure, overwrite=overwrite)
    with (
        NewestKeypoints(at or address, stream, client_keys(key, server_key)) as keypoints,
        Rerun(to, keypoints) as recording,
    ):
        run_bridge(at or address, stream, recording, f"people to {to.said}", key=key, server_key=server_key)


@app.command()
def web(
    address: Address = HERE,
    at: At = None,
    listen: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Where browsers connect to; 0.0.0.0:8080 for phones in the network."),
    ] = "127.0.0.1:8080",
    stream: Stream = "main",
    key: Key = None,
    server_key: ServerKey = None,
) -> None:
    """Show people in a browser, on this machine or on a phone: one page, for who has the code that is printed.

    The connection is not encrypted. Example: realtime bridge web --listen 0.0.0.0:8080
    """
    from realtime.bridge.relay import run_bridge
    from realtime.bridge.web import Web

    with Web(listen) as server:
        run_bridge(at or address, stream, server, f"people at {server.url}", key=key, server_key=server_key)
