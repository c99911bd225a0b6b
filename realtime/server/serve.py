"""The publisher's second thread: answers requests, authenticates peers, and keeps the one-second beat."""

from __future__ import annotations

import threading
from collections.abc import Callable

import zmq

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.server.answer import RateLimit, encoding_of, failure
from realtime.server.gate import Doorkeeper, Gate
from realtime.wire.endpoints import MAX_REQUEST_BYTES, MAX_SUBSCRIPTION_BYTES, bind, common_options

BEAT_S = 1.0
LOOK_S = 0.25  # how soon a revoked key is noticed
REQUESTS_HZ = 1000  # of all peers together; what is more waits in its sender
REBIND_S = 5.0


def open_bound(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, address: str, gate: Gate | None, high_water: int,
    kernel_buffer_bytes: int = -1,
) -> tuple[zmq.Socket[bytes], str]:  # fmt: skip
    """A listening socket with the limits of PROTOCOL.md, and its address. Raises UserError."""
    socket = context.socket(kind)
    common_options(socket, address)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    socket.setsockopt(zmq.SNDBUF, kernel_buffer_bytes)  # -1: as the system likes
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES if kind == zmq.XPUB else MAX_REQUEST_BYTES)
    if gate is not None:
        gate.secure(socket)
    try:
        return socket, bind(socket, address)
    except BaseException:
        socket.close(linger=0)
        raise


def reopen_bound(old: zmq.Socket[bytes], open_new: Callable[[], zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """Closes a socket, and with it every connection, and listens again at once: who comes back must authenticate."""
    old.close(linger=0)
    end_ns = monotonic_ns() + int(REBIND_S * NS_PER_S)
    pause = threading.Event()
    while True:
        try:
            return open_new()
        except UserError:  # the old listener is closed by ZeroMQ's own thread, a moment later
            if monotonic_ns() > end_ns:
                raise
            pause.wait(0.005)


class Service(threading.Thread):
    """Owns the request socket. Ends on `stop()`; where it ends by an error, nobody new is let in."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], rpc_address: str | None, gate: Gate | None, *,
        answer: Callable[[bytes, int], bytes], beat: Callable[[], None], crowded: Callable[[], bool],
        reopen: Callable[[], zmq.Socket[bytes]], published: zmq.Socket[bytes],
    ) -> None:  # fmt: skip
        super().__init__(name="realtime-publisher", daemon=True)
        self._context, self._gate = context, gate
        self._answer, self._beat, self._crowded, self._reopen = answer, beat, crowded, reopen
        self._limit = RateLimit()
        self._wake, self._woken = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self._wake.bind("inproc://stop")
        self._woken.connect("inproc://stop")
        self.address: str | None = None
        self._requests: zmq.Socket[bytes] | None = None
        if rpc_address is not None:
            self._requests, self.address = open_bound(context, zmq.ROUTER, rpc_address, gate, 256)
        self._doors: list[Doorkeeper] = self._watch(published)

    def stop(self) -> None:
        """Ends the thread and waits for it. Its sockets are closed with it."""
        if self.ident is None:  # never started
            self._close()
        elif self.is_alive():
            self._wake.send(b"")
            self.join(timeout=10)
        self._wake.close(linger=0)

    def run(self) -> None:
        beat_ns = look_ns = quota_ns = monotonic_ns()
        quota = REQUESTS_HZ
        try:
            while True:
                now_ns = monotonic_ns()
                if now_ns >= beat_ns:
                    self._beat()
                    beat_ns = max(beat_ns, now_ns - NS_PER_S) + int(BEAT_S * NS_PER_S)
                if now_ns >= look_ns:
                    self._enforce()
                    look_ns = now_ns + int(LOOK_S * NS_PER_S)
                if now_ns >= quota_ns:
                    quota, quota_ns = REQUESTS_HZ // 10, now_ns + NS_PER_S // 10
                ready = self._poll(min(beat_ns, look_ns, quota_ns if not quota else beat_ns) - now_ns, quota > 0)
                if self._woken in ready:
                    return
                for door in self._doors:
                    door.look()
                if self._gate is not None and self._gate.socket in ready:
                    self._gate.answer()
                if self._requests is not None and self._requests in ready:
                    quota -= 1
                    self._serve(self._requests)
        finally:
            self._close()

    def _poll(self, wait_ns: int, take_requests: bool) -> set[zmq.Socket[bytes]]:
        poller = zmq.Poller()
        for socket in (self._woken, *(door.socket for door in self._doors)):
            poller.register(socket, zmq.POLLIN)
        if self._gate is not None:
            poller.register(self._gate.socket, zmq.POLLIN)
        if self._requests is not None and take_requests:
            poller.register(self._requests, zmq.POLLIN)
        return {socket for socket, _ in poller.poll(max(0, -(-wait_ns // 1_000_000)))}

    def _serve(self, requests: zmq.Socket[bytes]) -> None:
        frames = requests.recv_multipart()
        received_ns = unix_ns()
        if len(frames) < 3 or frames[-2] != b"" or len(frames) > 4:  # identity, (a REQ's request id,) delimiter, body
            return
        if self._limit.take(frames[0], monotonic_ns() / NS_PER_S):
            body = self._answer(frames[-1], received_ns)
        else:
            body = failure("rate", "too many requests: wait a second", encoding_of(frames[-1]))
        requests.send_multipart([*frames[:-1], body])

    def _enforce(self) -> None:
        """After a revocation or too many topics all connections begin anew: ZeroMQ cannot end a single one."""
        revoked = self._gate is not None and self._gate.revoked()
        if not self._crowded() and not revoked:
            return
        for door in self._doors:
            door.look()
            door.close()
        published = self._reopen()
        if self._requests is not None and self.address is not None:
            address, gate = self.address, self._gate
            self._requests = reopen_bound(
                self._requests, lambda: open_bound(self._context, zmq.ROUTER, address, gate, 256)[0]
            )
        self._doors = self._watch(published)

    def _watch(self, published: zmq.Socket[bytes]) -> list[Doorkeeper]:
        if self._gate is None:
            return []
        return [self._gate.watch(socket) for socket in (published, self._requests) if socket is not None]

    def _close(self) -> None:
        for door in self._doors:
            door.close()
        if self._gate is not None:
            self._gate.close()
        if self._requests is not None:
            self._requests.close(linger=0)
        self._woken.close(linger=0)
