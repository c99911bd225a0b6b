"""`realtime record`: a stream to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def record(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="TAKE.mcap", help="The recording to write.")],
    address: Annotated[str, typer.Option(help="Where the publisher listens.")] = "tcp://127.0.0.1:5556",
    stream: Annotated[str | None, typer.Option(help="Only this stream; without it, all of them.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long; without it, at Ctrl-C.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if there is one.")] = False,
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
) -> None:
    """Record poses, and keypoints where they are published, to an MCAP file that Foxglove opens.

    A recorder that is killed leaves a file that reads up to its last second; 'realtime replay TAKE -o NEW' adds its
    index. Example: realtime record -o take.mcap
    """
    from realtime.client.listen import client_keys
    from realtime.takes.record import record_until_signal

    record_until_signal(
        address, output, stream=stream, seconds=seconds, overwrite=overwrite, keys=client_keys(key, server_key)
    )
