"""`realtime keys`: who may subscribe from other machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Keys for streams that leave this machine: CURVE encryption, allow-list.")

Directory = Annotated[
    Path | None, typer.Option("--dir", help="Where the keys are; without it, the user's configuration directory.")
]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="'server' for the publisher, else a subscriber's name.")] = "server",
    directory: Directory = None,
) -> None:
    """Make a key pair; prints the secret file (readable by you alone) and the public key.

    Examples: realtime keys new; realtime keys new laptop && realtime keys allow laptop
    """
    from realtime.keys.key_files import read_pair
    from realtime.keys.key_store import KeyStore

    secret = KeyStore(directory).new(name)
    sys.stdout.write(f"{secret}\n{read_pair(secret).public}\n")


@app.command("list")
def list_keys(directory: Directory = None) -> None:
    """Show every known key: name, public key, and whether it is allowed."""
    from realtime.keys.key_store import SERVER, KeyStore

    for known in KeyStore(directory).known():
        role = "publisher" if known.name == SERVER else "allowed" if known.allowed else "not allowed"
        sys.stdout.write(f"{known.name:20} {known.public}  {role}{'' if known.has_secret else ', made elsewhere'}\n")


@app.command()
def allow(
    name: Annotated[str, typer.Argument(help="A name made with 'keys new', or the name to give to --key.")],
    key: Annotated[str | None, typer.Option(help="A public key made elsewhere: its file or its 40 characters.")] = None,
    directory: Directory = None,
) -> None:
    """Let a key in; a running publisher follows at once."""
    from realtime.keys.key_store import KeyStore

    sys.stdout.write(f"{name} may subscribe: {KeyStore(directory).allow(name, key)}\n")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="A name or a public key of the allow-list.")], directory: Directory = None
) -> None:
    """Shut a key out; a running publisher ends its connections within half a second."""
    from realtime.keys.key_store import KeyStore

    sys.stdout.write(f"{KeyStore(directory).revoke(name)} may no longer subscribe\n")
