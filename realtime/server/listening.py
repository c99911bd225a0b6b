"""A listening socket with the limits of PROTOCOL.md: opened, opened anew, and deaf to newcomers for a while."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.limits import descriptor_limit, open_descriptors
from realtime.server.doorkeeper import Doorkeeper
from realtime.server.gate import Gate
from realtime.server.refusals import RefusalLog
from realtime.server.subscriptions import Subscriptions
from realtime.wire.endpoints import MAX_REQUEST_BYTES, MAX_SUBSCRIPTION_BYTES, bind, common_options

REBIND_S = 5.0
PAUSE_S = 1.0
# For a peer that asks and does not read. Of 16, libzmq loses answers to one who does: it hears late of what was taken.
ANSWERS_HELD = 128
MOST_CONNECTIONS = 4096
_SPARE = 128  # descriptors left to everything else

log = logging.getLogger("realtime.publish")


@dataclass(slots=True, eq=False)
class Listening:
    """A bound socket and who watches its connections."""

    socket: zmq.Socket[bytes]
    address: str
    door: Doorkeeper
    _deaf_until_ns: int = 0
    _told: bool = False

    def tend(self, lock: threading.Lock) -> None:
        """While too many come at once nobody new is let in; who is connected notices nothing. `lock`: the socket's."""
        now_ns = monotonic_ns()
        if not self._deaf_until_ns and self.door.stormed:
            if not self._told:
                log.warning("%s: too many connect at once, nobody new is let in for a moment", self.address)
                self._told = True
            with lock, contextlib.suppress(zmq.ZMQError):
                self.socket.unbind(self.address)
            self._deaf_until_ns = now_ns + int(PAUSE_S * NS_PER_S)
        elif self._deaf_until_ns and now_ns > self._deaf_until_ns:
            with lock, contextlib.suppress(zmq.ZMQError):  # the port is not free yet: at the next look
                self.socket.bind(self.address)
                self._deaf_until_ns = 0

    def close(self, linger_ms: int = 0) -> None:
        self.door.close()
        self.socket.close(linger=linger_ms)


def most_connections() -> int:
    """That all sockets of this process together may have: there must be descriptors left to work with."""
    limit = descriptor_limit()
    if limit is None:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(8, limit - open_descriptors() - min(_SPARE, limit // 4)))


def open_bound(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, address: str, gate: Gate | None, high_water: int,
    most: int, kernel_buffer_bytes: int = -1,
) -> Listening:  # fmt: skip
    """`most`: connections at the same time. Raises UserError."""
    socket = context.socket(kind)
    common_options(socket, address)
    socket.setsockopt(zmq.SNDHWM, high_water)
    # No limit: what is sent is read at once and dropped if there is too much of it, and who sends it is cut off. Left
    # unread until its sender goes, it makes libzmq abort (`stream_engine_base.cpp`, `!_io_error`).
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.SNDBUF, kernel_buffer_bytes)  # -1: as the system likes
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES if kind == zmq.XPUB else MAX_REQUEST_BYTES)
    if kind == zmq.XPUB:
        Subscriptions.tell_all(socket)
    if gate is not None:
        gate.secure(socket)
    door = Doorkeeper(context, socket, gate.refusals if gate else RefusalLog(), most, keys=gate is not None)
    try:
        return Listening(socket, bind(socket, address), door)
    except BaseException:
        door.close()
        socket.close(linger=0)
        raise


def reopen_bound(old: Listening, open_new: Callable[[], Listening]) -> Listening:
    """Closes a socket, and with it every connection, and listens again at once: who comes back must authenticate."""
    old.close()
    end_ns = monotonic_ns() + int(REBIND_S * NS_PER_S)
    pause = threading.Event()
    while True:
        try:
            return open_new()
        except UserError:  # the old listener is closed by ZeroMQ's own thread, a moment later
            if monotonic_ns() > end_ns:
                raise
            pause.wait(0.005)
