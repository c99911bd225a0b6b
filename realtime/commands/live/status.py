"""`realtime status`: how a running stream is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def status(
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    rpc: Annotated[str | None, typer.Option(help="Where it answers. (as its session here says)")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
) -> None:
    """Say how a stream and its processes are. Exit code 0: poses come; 1: they do not; 2: nobody answers.

    Examples: realtime status; realtime status --json | jq .state
    """
    from realtime.client.listen import client_keys
    from realtime.session.ask_status import status as ask

    if not ask(stream, rpc, as_json=json, watch=watch, keys=client_keys(key, server_key)):
        raise typer.Exit(1)
