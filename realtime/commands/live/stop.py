"""`realtime stop`: the end of a session, from anywhere on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def stop(
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    timeout: Annotated[float, typer.Option(min=0, help="Complain after this many seconds.")] = 60,
) -> None:
    """End the 'realtime run' that publishes a stream on this machine, and wait until it has ended.

    A session of several cameras ends as a whole, by the name of any of its streams.

    Example: realtime stop --stream stage
    """
    from realtime.session.instance import stop as end

    running = end(stream, timeout)
    whole = f", and with it the session '{running.session}' that it was one camera of" if running.session else ""
    typer.echo(f"stream '{stream}' at {running.address} has ended{whole}", err=True)
