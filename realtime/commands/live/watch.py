"""`realtime watch`: a stream's figures in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def watch(
    address: Annotated[str, typer.Argument(help="The publisher's address.")] = "tcp://127.0.0.1:5556",
    at: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDRESS", help="The publisher's address, as other commands have it."),
    ] = None,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
) -> None:
    """Watch how a stream does, in this terminal: rate, latency, people, what is dropped. Ctrl-C ends it.

    Needs no display. It waits for a stream that is not there yet, or not there any more.

    Examples:
      realtime watch
      realtime watch tcp://192.168.1.20:5556 --stream stage --key me.key_secret --server-key server.key
    """
    from realtime.client.listen import client_keys
    from realtime.dashboard.watch import watch as show

    show(at or address, stream, client_keys(key, server_key))
