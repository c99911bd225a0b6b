"""HOST:PORT of a bridge that others connect to."""

from __future__ import annotations

import re

from engines.errors import UserError
from realtime.wire.endpoints import is_local


def listen_at(where: str, *, insecure: bool) -> tuple[str, int]:
    """(host, port). Raises UserError where it is none, or others could reach it and nobody said `insecure`."""
    match = re.fullmatch(r"(?:\[(.+)\]|([^:\[\]]+)):(\d{1,5})", where)
    port = int(match[3]) if match else 0
    if match is None or not 0 < port < 65536:
        raise UserError(f"--listen {where}: give HOST:PORT, such as 127.0.0.1:8765")
    if not insecure and not is_local(f"tcp://{where}"):
        raise UserError(f"--listen {where}: all who reach this address could watch: add --insecure if they may")
    return match[1] or match[2], port
