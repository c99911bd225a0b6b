"""The connections of one listening socket: counted, capped, and cut off one by one, which libzmq itself cannot do.

libzmq tells of its connections through a monitor, by their descriptors. A copy of a descriptor is all that is needed
to ask the system about a connection, or to shut it down: libzmq then sees a peer that left.
"""

from __future__ import annotations

import contextlib
import itertools
import socket as sockets
import struct
import sys
from dataclasses import dataclass
from typing import Any

import zmq

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.server.descriptors import Copier, received_bytes
from realtime.server.refusals import UNKNOWN, RefusalLog

# What one connection may send: more than the 100 requests a second of the protocol need, each of 4096 bytes at most.
BYTES_PER_S, BYTES_AT_ONCE = 1 << 19, 1 << 20
ACCEPTED_PER_S = 1000  # beyond that nobody is let in for a moment: telling them apart would hold up the frames
_NEW_NS = NS_PER_S  # a connection this young has not had the time to ask for anything
_EVENTS = (
    zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
)  # fmt: skip
_EVENT = struct.Struct("=HI")
_numbers = itertools.count()


@dataclass(slots=True)
class _Connection:
    peer: str
    address: Any  # as the system has it: a descriptor may be another connection's by now
    heard_ns: int  # when it last asked for something; at first: when it came
    holds: bool = False  # a subscription
    received: int = 0  # bytes, when they were last looked at
    allowance: float = BYTES_AT_ONCE


class Doorkeeper:
    """For one thread. `look` often; it reads what libzmq tells and cuts off who is too many or sends too much."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], refusals: RefusalLog, most: int,
        keys: bool = False,
    ) -> None:  # fmt: skip
        """`most`: connections at the same time. Made before anybody can have connected, or they go uncounted."""
        self._watched, self._refusals, self._most, self._keys = socket, refusals, most, keys
        where = f"inproc://door-{next(_numbers)}"
        socket.monitor(where, _EVENTS)
        self.socket = context.socket(zmq.PAIR)
        self.socket.linger = 0
        self.socket.rcvhwm = 0  # libzmq's own thread would wait for us, and all peers with it
        self.socket.connect(where)
        self._copier = Copier()
        self._connections: dict[int, _Connection] = {}  # by file descriptor
        self._failed = False
        self._accepted, self._second_ns, self._looked_ns = 0, 0, monotonic_ns()

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, fd: int) -> bool:
        return fd in self._connections

    def look(self) -> None:
        """Reads the events that wait. A failed handshake names no peer, but its disconnection, which follows, does."""
        now_ns = monotonic_ns()
        if now_ns - self._second_ns > NS_PER_S:
            self._accepted, self._second_ns = 0, now_ns
        while self.socket.poll(0):
            frames = self.socket.recv_multipart()
            event, fd = _EVENT.unpack(frames[0])
            if event == zmq.EVENT_ACCEPTED:
                self._accepted += 1
                self._accept(fd, now_ns)
            elif event == zmq.EVENT_DISCONNECTED:
                gone = self._connections.pop(fd, None)
                if self._failed and self._keys:
                    reason = "it speaks no CURVE, or has another server's key"
                    self._refusals.refuse(gone.peer if gone else UNKNOWN, reason)
                self._failed = False
            else:
                self._failed = True
        self._shed(now_ns)

    @property
    def stormed(self) -> bool:
        """Whether more come in this second than can be told apart."""
        return self._accepted > ACCEPTED_PER_S

    def heard(self, fd: int, holds: bool = False) -> None:
        """A peer has asked for something; `holds`: it has a subscription."""
        connection = self._connections.get(fd)
        if connection is not None:
            connection.heard_ns, connection.holds = monotonic_ns(), holds

    def cut(self, fd: int, reason: str) -> None:
        """Ends one connection. Its peer may come back."""
        connection = self._connections.pop(fd, None)
        if connection is None:
            return
        self._refusals.refuse(connection.peer, reason)
        with contextlib.suppress(OSError), self._copier.copy(fd) as copy:
            if copy.getpeername() == connection.address:
                copy.shutdown(sockets.SHUT_RDWR)

    def weigh(self) -> None:
        """Cuts off who has sent more than anybody needs to, also of a message that never ends. Linux alone tells."""
        if sys.platform != "linux":
            return
        now_ns = monotonic_ns()
        earned, self._looked_ns = (now_ns - self._looked_ns) / NS_PER_S * BYTES_PER_S, now_ns
        for fd, connection in list(self._connections.items()):
            received = connection.received
            with contextlib.suppress(OSError), self._copier.copy(fd) as copy:
                received = received_bytes(copy)
            connection.allowance = min(BYTES_AT_ONCE, connection.allowance + earned)
            connection.allowance -= max(0, received - connection.received)
            connection.received = received
            if connection.allowance < 0:
                self.cut(fd, "it sends more than there is to ask")

    def close(self) -> None:
        while self.socket.poll(0):  # libzmq may wait for this
            self.socket.recv_multipart()
        self._watched.disable_monitor()
        self.socket.close(linger=0)
        self._copier.close()

    def _accept(self, fd: int, now_ns: int) -> None:
        peer, address = UNKNOWN, None
        with contextlib.suppress(OSError), self._copier.copy(fd) as copy:
            address = copy.getpeername()
            peer = str(address[0]) if isinstance(address, tuple) else "a local peer"
        self._connections[fd] = _Connection(peer, address, now_ns)

    def _shed(self, now_ns: int) -> None:
        """Who has asked for nothing goes first, the longest silent before others; then who came last."""
        surplus = len(self._connections) - self._most
        if surplus <= 0:
            return
        silent = sorted(
            (connection.heard_ns, fd) for fd, connection in self._connections.items()
            if not connection.holds and now_ns - connection.heard_ns > _NEW_NS
        )  # fmt: skip
        newest = list(reversed(self._connections))  # in the order of their coming
        chosen = list(dict.fromkeys([*(fd for _, fd in silent), *newest]))[:surplus]
        for fd in chosen:
            self.cut(fd, f"there are more than {self._most} connections")
