"""`realtime run --detach`: the same session on its own, without this terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from engines.errors import UserError
from realtime.client.ask import RpcClient
from realtime.clock import deadline_ns, monotonic_ns
from realtime.config import StreamConfig
from realtime.process.states import STARTING
from realtime.session.instance import Running, find, require_free, runtime_dir
from realtime.wire.framing import WireError

DETACH = "--detach"
START_S = 120.0  # a first download is done before
_POLL_S = 0.1


def detach(
    stream: StreamConfig, film: Path | None, arguments: list[str], published: Sequence[str] = ()
) -> tuple[Running, Path]:
    """Starts `realtime` with these arguments, less --detach, and waits until it publishes; the session and its log.

    `film`: what it draws; None: nothing. `published`: other streams than that of the session's name. Raises UserError
    with what the session says where it ends instead.
    """
    require_free(stream.name)
    log = runtime_dir() / f"{stream.name}.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "realtime.cli", *(word for word in arguments if word != DETACH)]
    if film is None:
        command.append("--no-view")
    with log.open("wb") as said:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    try:
        return _started(child, stream, published or [stream.name]), log
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    except UserError as error:
        raise UserError(f"{error} ({log} has all that it said)") from None


def _started(child: subprocess.Popen[bytes], stream: StreamConfig, published: Sequence[str]) -> Running:
    end_ns = deadline_ns(START_S)
    while child.poll() is None:
        running = find(stream.name)
        if running is not None and running.pid == child.pid and _publishes(running, stream, published):
            return running
        if end_ns is not None and monotonic_ns() > end_ns:
            raise UserError(f"process {child.pid} has published nothing for {START_S:.0f} s: 'realtime stop' ends it")
        time.sleep(_POLL_S)
    log = runtime_dir() / f"{stream.name}.log"
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise UserError("".join(last).removeprefix("realtime: ") or f"it ended with code {child.returncode}")


def _publishes(running: Running, stream: StreamConfig, published: Sequence[str]) -> bool:
    """One of these streams. With keys nobody but who is allowed may ask: then that it runs is enough."""
    if running.rpc_address is None or stream.keys is not None:
        return True
    try:
        with RpcClient(running.rpc_address) as client:
            told = client.ask("status")["streams"]
            return any(told[name]["state"] != STARTING for name in published if name in told)
    except (UserError, WireError, KeyError):  # not yet
        return False

