"""The newest status of a stream: what its publisher says of itself once a second, also while no poses come.

A session of `realtime run` says its state at a second port too, which the status names (`status_port`), from a process
that outlives the publisher. That one is believed first.
"""

from __future__ import annotations

import logging

import zmq

from realtime.client.reconnect import Reconnect
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.process.states import DEGRADED, RUNNING
from realtime.wire.decode import decode_status
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context, with_port
from realtime.wire.framing import STATUS, Fields, VersionError, WireError, topic

SAID = ("state", "state_since_ns", "why", "processes")  # what the second port is believed first of
OLD_NS = 5 * NS_PER_S // 2  # it says it once a second: who is silent for longer is not believed any more

log = logging.getLogger("realtime.status")


def in_words(told: Fields) -> str:
    """The state of a status and whose it is, and why; empty for a stream that runs."""
    state, why, processes = str(told.get("state")), str(told.get("why") or ""), told.get("processes")
    if state in (RUNNING, DEGRADED):
        return ""
    rows = processes.items() if isinstance(processes, dict) else ()
    whose = [name for name, row in rows if isinstance(row, dict) and row.get("state") == state and why in row.values()]
    return f"{state}, {whose[-1]}: {why}" if whose and why else f"{state}: {why}" if why else state


class StatusListener(Closing):
    """One stream's status. A context manager; for one thread at a time. Reconnects by itself."""

    def __init__(self, address: str, stream: str = "main", keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address or keys that cannot be used, or a bad stream name."""
        self._address, self._stream, self._keys = address, stream, keys
        self._herald: _Ear | None = None
        with own_context() as self._context:
            self._publisher = _Ear(self._context, address, stream, keys)

    @property
    def received_ns(self) -> int:
        """Monotonic; 0 before the first."""
        return max(self._publisher.received_ns, self._herald.received_ns if self._herald else 0)

    def close(self) -> None:
        if not self._context.closed:
            self._publisher.close()
            if self._herald is not None:
                self._herald.close()
            self._context.destroy(linger=0)

    def latest(self) -> Fields | None:
        """The newest status so far, without waiting; None before the first. Raises VersionError."""
        newest = self._publisher.latest()
        if newest is None:
            return None
        self._listen_at(newest.get("status_port"))
        said = self._herald.latest() if self._herald is not None else None
        if self._herald is None or said is None or monotonic_ns() - self._herald.received_ns > OLD_NS:
            return newest
        return {**newest, **{name: said[name] for name in SAID if name in said}}

    def trouble(self) -> str:
        """What keeps fresh poses from coming, as "restarting, lifter: it ended with code -9"; empty where nothing does,
        or nobody has said so lately. Raises VersionError."""
        told = self.latest()
        if told is None or monotonic_ns() - self.received_ns > OLD_NS:
            return ""
        return in_words(told)

    def _listen_at(self, port: object) -> None:
        """A peer may name a port of its own host, and no other place."""
        address = with_port(self._address, port) if type(port) is int and port > 0 else None
        if address == (self._herald.address if self._herald is not None else None):
            return
        if self._herald is not None:
            self._herald.close()
        self._herald = None if address is None else _Ear(self._context, address, self._stream, self._keys)


class _Ear:
    """A socket of the listener's, and what came by it."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], address: str, stream: str, keys: ClientKeys | None
    ) -> None:
        self.address, self.received_ns = address, 0
        self._newest: Fields | None = None
        self._socket = open_subscriber(context, address, [topic(STATUS, stream)], latest_only=True, keys=keys)
        self._reconnect = Reconnect(self._socket, address)  # connects

    def close(self) -> None:
        self._reconnect.close()
        self._socket.close(linger=0)

    def latest(self) -> Fields | None:
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
