"""What ZeroMQ leaves out of reconnecting: after a refused key, or a message that is too large, it gives up for good.

Then it is tried again, ever more rarely. And what it does not tell: whether the publisher was there before us.
"""

from __future__ import annotations

import contextlib
import logging
import sys

import zmq

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.wire.endpoints import connect

FIRST_S, LONGEST_S = 1.0, 30.0
# After these libzmq gives up on the address; of every other failure it takes care itself.
_FINAL = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_TRIES = zmq.EVENT_CONNECTED | zmq.EVENT_CONNECT_DELAYED | zmq.EVENT_CONNECT_RETRIED  # it has not given up
GIVEN_UP_S = 1.0  # longer than ZeroMQ waits before it tries again

log = logging.getLogger("realtime.reconnect")


class Reconnect:
    """Connects a socket and watches it. `tend` is to be called now and then while nothing arrives."""

    def __init__(self, socket: zmq.Socket[bytes], address: str) -> None:
        self._socket, self._address = socket, address
        # Before the connection: a refusal may come within a millisecond, and comes once.
        self._monitor = socket.get_monitor_socket(_FINAL | _TRIES | zmq.EVENT_DISCONNECTED)
        self._retries = 0
        self._wait_s = FIRST_S
        self._due_ns: int | None = None  # when to try again
        self._lost_ns: int | None = None  # since when there is no connection, and no try
        self._away_ns: int | None = monotonic_ns()  # since when there is no connection
        try:
            connect(socket, address)
        except BaseException:
            self._monitor.close(linger=0)
            raise

    @property
    def retries(self) -> int:
        """How often nobody was there, so far: above 0, what the publisher has sent began after we did."""
        self._look()
        return self._retries

    @property
    def away_s(self) -> float:
        """How long there has been no connection; 0 where there is one."""
        self._look()
        return 0.0 if self._away_ns is None else (monotonic_ns() - self._away_ns) / NS_PER_S

    def tend(self) -> None:
        self._look()
        if self._lost_ns is not None and monotonic_ns() - self._lost_ns > GIVEN_UP_S * NS_PER_S:
            log.warning("%s broke ZeroMQ's rules, as by a message over 1 MiB: connecting again", self._address)
            self._try_later()
        if self._due_ns is not None and monotonic_ns() >= self._due_ns:
            self._due_ns = None
            with contextlib.suppress(zmq.ZMQError):  # it may know no more that it was connected
                self._socket.disconnect(self._address)
            connect(self._socket, self._address)

    def _look(self) -> None:
        while self._monitor.poll(0):
            # Read by hand (a uint16 and a value): zmq.utils.monitor would import asyncio, 25 ms for every client.
            event = int.from_bytes(self._monitor.recv_multipart()[0][:2], sys.byteorder)
            self._retries += event == zmq.EVENT_CONNECT_RETRIED
            if event == zmq.EVENT_CONNECTED:
                self._away_ns = None
            elif self._away_ns is None and event & (_FINAL | zmq.EVENT_DISCONNECTED):
                self._away_ns = monotonic_ns()
            if not event & _FINAL:
                self._lost_ns = monotonic_ns() if event == zmq.EVENT_DISCONNECTED else None
                continue
            if self._wait_s == FIRST_S:
                key = event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
                log.warning(
                    "%s refuses %s: trying again", self._address,
                    "this key (has it been allowed with 'realtime keys allow'?)" if key else "clients without its keys",
                )  # fmt: skip
            self._try_later()

    def _try_later(self) -> None:
        self._lost_ns = None
        self._due_ns = monotonic_ns() + int(self._wait_s * NS_PER_S)
        self._wait_s = min(2 * self._wait_s, LONGEST_S)

    def arrived(self) -> None:
        """Something was received: the next refusal is a first one again."""
        self._wait_s = FIRST_S

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
