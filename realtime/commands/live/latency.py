"""`realtime latency`: how old poses are when a program gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def latency(
    address: Annotated[str, typer.Option(help="Where the publisher listens.")] = "tcp://127.0.0.1:5556",
    rpc: Annotated[str, typer.Option(help="Where it answers requests.")] = "tcp://127.0.0.1:5557",
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    frames: Annotated[int, typer.Option("--frames", "-n", min=0, help="Stop after these; 0: at Ctrl-C.")] = 0,
    timeout: Annotated[float, typer.Option(min=0.1, help="Give up after this many seconds of silence.")] = 10,
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
) -> None:
    """Measure glass to program live: from the camera's grab to this process, with both clocks compared.

    Ends with one JSON object on stdout. Example: realtime latency -n 300
    """
    from realtime.client.latency import latency as run

    run(address, rpc, stream, frames=frames, timeout_s=timeout, key=key, server_key=server_key)
