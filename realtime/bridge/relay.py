"""The loop of every bridge: the newest frame of a stream to a sink, until a signal comes."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from realtime.client.listen import client_keys
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.wire.endpoints import ClientKeys
from realtime.wire.messages import PoseMessage

_POLL_S = 0.25
SILENT_S = 5.0  # then it is said that nothing comes

log = logging.getLogger("realtime.bridge")


def relay(
    address: str, stream: str, sink: Callable[[PoseMessage], None], stop: threading.Event, *,
    keys: ClientKeys | None = None,
) -> int:  # fmt: skip
    """Passes frames on until `stop` is set, over any restart of the publisher; returns how many.

    A sink that is slower than the stream gets the newest frame. Raises UserError for an address, keys or a version of
    the stream that cannot be used.
    """
    sent, heard_ns, silent = 0, monotonic_ns(), False
    with Subscriber(address, stream, latest_only=True, keys=keys) as subscriber:
        while not stop.is_set():
            try:
                message = subscriber.receive(_POLL_S)
            except StreamTimeoutError:
                if not silent and monotonic_ns() - heard_ns > SILENT_S * NS_PER_S:
                    silent = True
                    log.warning("nothing comes on stream '%s' from %s: waiting for 'realtime run'", stream, address)
                continue
            heard_ns = monotonic_ns()
            if silent:
                silent = False
                log.info("the stream is there")
            sink(message)
            sent += 1
    return sent


def run_bridge(
    address: str, stream: str, sink: Callable[[PoseMessage], None], what: str, *, key: Path | None,
    server_key: str | None,
) -> None:  # fmt: skip
    """The command: relays until Ctrl-C or SIGTERM, and says how much. `what`: what goes where, in a few words."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log.info("%s, from %s: Ctrl-C ends it", what, address)
    sent = relay(address, stream, sink, stop, keys=client_keys(key, server_key))
    log.info("%d frames passed on", sent)
