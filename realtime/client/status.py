"""The newest status of a stream: what its publisher says of itself once a second, also while no poses come."""

from __future__ import annotations

import logging

import zmq

from realtime.client.reconnect import Reconnect
from realtime.clock import monotonic_ns
from realtime.closing import Closing
from realtime.wire.decode import decode_status
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context
from realtime.wire.framing import STATUS, Fields, VersionError, WireError, topic

log = logging.getLogger("realtime.status")


class StatusListener(Closing):
    """One stream's status. A context manager; for one thread at a time. Reconnects by itself."""

    def __init__(self, address: str, stream: str = "main", keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address or keys that cannot be used, or a bad stream name."""
        self.received_ns = 0  # monotonic; 0 before the first
        self._newest: Fields | None = None
        with own_context() as self._context:
            self._socket = open_subscriber(
                self._context, address, [topic(STATUS, stream)], latest_only=True, keys=keys
            )
            self._reconnect = Reconnect(self._socket, address)  # connects

    def close(self) -> None:
        if not self._socket.closed:
            self._reconnect.close()
            self._context.destroy(linger=0)

    def latest(self) -> Fields | None:
        """The newest status so far, without waiting; None before the first. Raises VersionError."""
        while self._socket.poll(0):
            try:
                self._newest = decode_status(self._socket.recv(zmq.NOBLOCK))
            except VersionError:
                raise
            except WireError as error:
                log.debug("skipped a status: %s", error)
                continue
            self.received_ns = monotonic_ns()
            self._reconnect.arrived()
        self._reconnect.tend()
        return self._newest
