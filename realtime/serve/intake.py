"""Where producers connect: what they say comes in, each message with who said it, and answers go back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zmq

from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.keys.key_store import KeyStore
from realtime.server.descriptors import descriptor_of
from realtime.server.gate import Gate
from realtime.server.listening import Listening, most_connections, open_bound, reopen_bound
from realtime.wire.endpoints import check_exposure, is_local, own_context
from realtime.wire.joining import WINDOW, Answer, encode_answer

_LOOK_NS = NS_PER_S // 10  # how soon a revoked key is noticed, and that too many connect
_WEIGH_NS = NS_PER_S  # how often it is looked who sends too much
_AT_ONCE = 512  # messages read before the line has its turn
_ANSWERS_HELD = 4 * WINDOW

log = logging.getLogger("realtime.serve")


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `key`: the name its sender's key is allowed under; "" without keys."""

    peer: bytes
    key: str
    connection: int
    body: bytes
    received_ns: int  # monotonic


class Intake(Closing):
    """A bound socket for producers. For one thread, which calls `hear` again and again."""

    def __init__(self, address: str, keys: Path | None, insecure: bool) -> None:
        """Raises UserError for an address that is taken, or that others can reach without keys and `insecure`."""
        check_exposure(address, keys is not None or insecure)
        if keys is None and not is_local(address):
            log.warning("%s is open to everyone who can reach it: no keys, no encryption (--insecure)", address)
        self._lock = threading.Lock()  # the socket is this thread's alone
        self.reopened = 0  # times all had to come anew, since a key was revoked
        with own_context() as self._context:
            self._gate = None if keys is None else Gate(self._context, KeyStore(keys))
            self._most = max(8, most_connections() // 2)  # the rest is for subscribers
            self._listening = self._open(address)
        self.address = self._listening.address
        self._poller = self._new_poller()
        self._look_ns = self._weigh_ns = 0

    def close(self) -> None:
        if self._gate is not None:
            self._gate.close()
        self._listening.close()
        self._context.destroy(linger=0)

    def hear(self, wait_ns: int) -> Iterator[Said]:
        """What has come, or comes within `wait_ns`; some of it, where there is much."""
        self._tend()
        ready = {socket for socket, _ in self._poller.poll(max(0, wait_ns) // NS_PER_MS)}
        self._listening.door.look()
        if self._gate is not None and self._gate.socket in ready:
            self._gate.answer()
        if self._listening.socket not in ready:
            return
        for _ in range(_AT_ONCE):
            try:
                frames = self._listening.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            if len(frames) == 2:
                yield self._said(frames[0], frames[1])

    def answer(self, peer: bytes, answer: Answer) -> None:
        """To a peer that may be gone, or may not read: nobody waits."""
        try:
            self._listening.socket.send_multipart((peer, encode_answer(answer)), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.debug("an answer was not sent: %s", error)

    def hold(self, connection: int, holds: bool) -> None:
        """Where there are too many connections, those that hold nothing go first."""
        self._listening.door.heard(connection, holds)

    def _said(self, peer: zmq.Frame, body: zmq.Frame) -> Said:
        key = "" if self._gate is None else str(body.get("User-Id"))
        return Said(peer.bytes, key, descriptor_of(body), body.bytes, monotonic_ns())

    def _tend(self) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._look_ns < _LOOK_NS:
            return
        self._look_ns = now_ns
        if now_ns - self._weigh_ns > _WEIGH_NS:
            self._weigh_ns = now_ns
            self._listening.door.weigh()
        self._listening.tend(self._lock)
        if self._gate is not None and self._gate.revoked():
            self._listening = reopen_bound(self._listening, lambda: self._open(self.address))
            self._poller = self._new_poller()
            self.reopened += 1

    def _open(self, address: str) -> Listening:
        return open_bound(self._context, zmq.ROUTER, address, self._gate, _ANSWERS_HELD, self._most)

    def _new_poller(self) -> zmq.Poller:
        poller = zmq.Poller()
        for socket in (self._listening.socket, self._listening.door.socket):
            poller.register(socket, zmq.POLLIN)
        if self._gate is not None:
            poller.register(self._gate.socket, zmq.POLLIN)
        return poller
