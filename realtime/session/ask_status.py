"""How a running stream is, as its publisher answers: for a person, or as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from engines.errors import UserError
from realtime.client.ask import RpcClient
from realtime.client.status import StatusListener
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.process.states import DEGRADED, RUNNING
from realtime.session.instance import find
from realtime.wire.endpoints import DEFAULT_RPC_ADDRESS, ClientKeys

WATCH_S = 1.0
PATIENCE_S = 1.0  # for an answer, and then for a word of the supervisor, who speaks once a second
_POLL_S = 0.02


def status(stream: str, rpc_address: str | None, *, as_json: bool, watch: bool, keys: ClientKeys | None) -> bool:
    """Prints it, with `watch` once a second until Ctrl-C. Whether poses of fresh pictures come. Raises UserError."""
    running = find(stream) if rpc_address is None else None
    address = rpc_address or (running.rpc_address if running else None) or DEFAULT_RPC_ADDRESS
    beside = running.status_address if running else None
    with RpcClient(address, keys) as client, ExitStack() as stack:
        herald = None if beside is None else stack.enter_context(StatusListener(beside, stream, keys))
        while True:
            told = _told(client, herald, stream)
            sys.stdout.write((json.dumps(told) if as_json else "\n".join(lines(told))) + "\n")
            sys.stdout.flush()
            if not watch:
                return told.get("state") in (RUNNING, DEGRADED)
            time.sleep(WATCH_S)


def _told(client: RpcClient, herald: StatusListener | None, stream: str) -> dict[str, Any]:
    """By the publisher; where that is gone, stands still or knows nothing of the stream, by its supervisor."""
    asked_ns = monotonic_ns()
    try:
        told = client.ask("status", 2 * PATIENCE_S if herald is None else PATIENCE_S).get("streams", {}).get(stream)
    except UserError:
        said = None if herald is None else _heard(herald, asked_ns)
        if said is None:
            raise
        return said
    if told is None and herald is not None:
        told = _heard(herald, asked_ns)
    if told is None:
        raise UserError(f"{client.address} publishes no stream '{stream}': name another with --stream")
    return dict(told)


def _heard(herald: StatusListener, since_ns: int) -> dict[str, Any] | None:
    end_ns = monotonic_ns() + int(PATIENCE_S * NS_PER_S)
    said = herald.latest()
    while herald.received_ns < since_ns and monotonic_ns() < end_ns:
        time.sleep(_POLL_S)
        said = herald.latest()
    return said if herald.received_ns >= since_ns else None


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The stream in one line, then each of its processes."""
    since = f" for {_age(told['state_since_ns'])}" if "state_since_ns" in told else ""
    why = f": {told['why']}" if told.get("why") else ""
    model = f", {told['model']} on {told['engine']}" if told.get("model") else ""
    yield f"{told['stream']}  {told['state']}{since}{why}"
    yield f"  {told.get('fps', 0):.1f} fps, {told.get('dropped', 0)} frames dropped{model}"
    for name, camera in told.get("cameras", {}).items():
        yield f"  {'fused of' if camera.get('seeing') else 'without'} {name}{_clock(camera)}"
    width = max(map(len, told.get("processes", {})), default=0)
    for name, process in told.get("processes", {}).items():
        again = f", started again {process['restarts']} times" if process["restarts"] else ""
        event = f" ({process['event']})" if process["event"] else ""
        yield f"  {name:<{max(9, width)}} {process['state']} for {_age(process['since_ns'])}{again}{event}"


def _clock(camera: dict[str, Any]) -> str:
    """By how much a camera's clock is off the first one's, where that is known."""
    off_ms, sigma_ms = camera.get("offset_ms"), camera.get("offset_sigma_ms")
    if off_ms is None:
        return ""
    return f", its clock {off_ms:+.1f} ms" + ("" if sigma_ms is None else f" (1 sigma {sigma_ms:.1f})")


def _age(since_ns: int) -> str:
    seconds = max(0, unix_ns() - since_ns) // NS_PER_S
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
