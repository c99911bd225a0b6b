"""The publisher's second thread: answers requests, authenticates peers, sends the unruly away, keeps the beat."""

from __future__ import annotations

import threading
from collections.abc import Callable

import zmq

from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.server.answer import Asked, RateLimit, encoding_of, failure
from realtime.server.descriptors import descriptor_of
from realtime.server.doorkeeper import Doorkeeper
from realtime.server.gate import Gate
from realtime.server.listening import ANSWERS_HELD, Listening, open_bound, reopen_bound
from realtime.server.subscriptions import MAX_TOPICS, Subscriptions

BEAT_S = 1.0
LOOK_S = 0.1  # how soon a revoked key is noticed, and who sends too much
AT_ONCE = 256  # requests read before everything else has its turn
_TOO_MUCH = "it asks far more often than it may"
_TOO_MANY = f"it has more than {MAX_TOPICS} subscriptions"


class Service(threading.Thread):
    """Owns the request socket. Ends on `stop()`; where it ends by an error, nobody new is let in.

    `published` and `subscriptions`: the stream's socket now and what its peers have; `lock`: for whoever uses them.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], rpc_address: str | None, gate: Gate | None, *,
        answer: Callable[[bytes, int], bytes], beat: Callable[[], None], reopen: Callable[[], None],
        published: Callable[[], Listening], subscriptions: Callable[[], Subscriptions], lock: threading.Lock,
        most: int,
    ) -> None:  # fmt: skip
        super().__init__(name="realtime-publisher", daemon=True)
        self._context, self._gate, self._most = context, gate, most
        self._answer, self._beat, self._reopen = answer, beat, reopen
        self._published, self._subscriptions, self._lock = published, subscriptions, lock
        self._limit = RateLimit()
        self._wake, self._woken = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self._wake.bind("inproc://stop")
        self._woken.connect("inproc://stop")
        self._requests = None if rpc_address is None else self._open(rpc_address)
        self.address = None if self._requests is None else self._requests.address

    def stop(self) -> None:
        """Ends the thread and waits for it. Its sockets are closed with it."""
        if self.ident is None:  # never started
            self._close()
        elif self.is_alive():
            self._wake.send(b"")
            self.join(timeout=10)
        self._wake.close(linger=0)

    def run(self) -> None:
        beat_ns = look_ns = monotonic_ns()
        try:
            while True:
                now_ns = monotonic_ns()
                if now_ns >= beat_ns:
                    self._beat()
                    beat_ns = max(beat_ns, now_ns - NS_PER_S) + int(BEAT_S * NS_PER_S)
                if now_ns >= look_ns:
                    self._look()
                    look_ns = now_ns + int(LOOK_S * NS_PER_S)
                ready = self._poll(min(beat_ns, look_ns) - now_ns)
                if self._woken in ready:
                    return
                for listening in self._listening():
                    listening.door.look()
                if self._gate is not None and self._gate.socket in ready:
                    self._gate.answer()
                if self._requests is not None and self._requests.socket in ready:
                    self._serve(self._requests.socket, self._requests.door)
        finally:
            self._close()

    def _listening(self) -> list[Listening]:
        return [self._published(), *([self._requests] if self._requests is not None else [])]

    def _poll(self, wait_ns: int) -> set[zmq.Socket[bytes]]:
        poller = zmq.Poller()
        for socket in (self._woken, *(listening.door.socket for listening in self._listening())):
            poller.register(socket, zmq.POLLIN)
        if self._gate is not None:
            poller.register(self._gate.socket, zmq.POLLIN)
        if self._requests is not None:
            poller.register(self._requests.socket, zmq.POLLIN)
        return {socket for socket, _ in poller.poll(max(0, -(-wait_ns // 1_000_000)))}

    def _serve(self, requests: zmq.Socket[bytes], door: Doorkeeper) -> None:
        """All that waits is read, whoever sent it: see `open_bound`."""
        for _ in range(AT_ONCE):
            try:
                frames = requests.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            received_ns = unix_ns()
            fd = descriptor_of(frames[-1])
            door.heard(fd)
            asked = self._limit.take(frames[0].bytes, received_ns / NS_PER_S)
            if asked is Asked.FLOOD:
                door.cut(fd, _TOO_MUCH)
            # identity, (a REQ's request id,) delimiter, body
            elif asked is not Asked.DROPPED and 3 <= len(frames) <= 4 and frames[-2].bytes == b"":
                body = frames[-1].bytes
                answer = (
                    self._answer(body, received_ns) if asked is Asked.IN_TIME
                    else failure("rate", "too many requests: wait a second", encoding_of(body))
                )  # fmt: skip
                requests.send_multipart([*(frame.bytes for frame in frames[:-1]), answer])

    def _look(self) -> None:
        for listening in self._listening():
            listening.door.weigh()
            listening.tend(self._lock)
        self._look_at_subscriptions()
        if self._gate is not None and self._gate.revoked():
            self._begin_anew()

    def _look_at_subscriptions(self) -> None:
        door = self._published().door
        while True:
            with self._lock:
                subscriptions = self._subscriptions()
                more = subscriptions.look(self._published().socket)
                spoke = subscriptions.spoke()
                for fd in [fd for fd in spoke if fd not in door]:
                    subscriptions.forget(fd)
            for fd, topics in spoke.items():
                door.heard(fd, holds=topics > 0)
                if topics > MAX_TOPICS:
                    door.cut(fd, _TOO_MANY)
            if not more:
                return

    def _begin_anew(self) -> None:
        """After a revocation everybody must authenticate again: ZeroMQ does not say whose a connection is."""
        self._reopen()
        if self._requests is not None:
            address = self._requests.address
            self._requests = reopen_bound(self._requests, lambda: self._open(address))

    def _open(self, address: str) -> Listening:
        return open_bound(self._context, zmq.ROUTER, address, self._gate, ANSWERS_HELD, self._most)

    def _close(self) -> None:
        if self._gate is not None:
            self._gate.close()
        if self._requests is not None:
            self._requests.close()
        self._woken.close(linger=0)
