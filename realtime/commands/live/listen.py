"""`realtime listen`: what a stream carries, as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def listen(
    address: Annotated[str, typer.Option(help="Where the publisher listens.")] = "tcp://127.0.0.1:5556",
    rpc: Annotated[str | None, typer.Option(help="Where it answers requests: compare clocks, for the age.")] = None,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="Stop after this many frames; 0: never.")] = 0,
    latest: Annotated[bool, typer.Option("--latest", help="Skip what is not the newest frame.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, joints and all.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Give up after this many seconds of silence; 0: never.")] = 0,
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
) -> None:
    """Print a stream's frames: one line each, or JSON. Of another machine's the age is known with --rpc alone.

    Examples: realtime listen -n 100; realtime listen --json | jq .persons[0].root
    """
    from realtime.client.listen import listen as run

    run(address, rpc, stream, count=count, latest_only=latest, as_json=json, timeout_s=timeout or None, key=key,
        server_key=server_key)  # fmt: skip
