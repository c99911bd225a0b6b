"""What peers have subscribed to, counted: ZeroMQ keeps every different topic for as long as its peer is connected."""

from __future__ import annotations

import contextlib
from collections import Counter

import zmq

MAX_TOPICS = 100  # of one peer; a stream has three
AT_ONCE = 200  # a flood must not hold up the frame that is to be sent


class Subscriptions:
    """Of one XPUB socket that tells of every subscription (`tell_all`). Under the lock of whoever sends."""

    def __init__(self) -> None:
        self._topics: Counter[int] = Counter()  # by the connection's descriptor
        self._spoke: set[int] = set()
        self._wanted: Counter[bytes] = Counter()

    @property
    def any(self) -> bool:
        """Whether somebody has a topic."""
        return any(self._topics.values())

    def wanted(self) -> set[bytes]:
        """The topics that somebody has."""
        return set(self._wanted)

    @staticmethod
    def tell_all(socket: zmq.Socket[bytes]) -> None:
        """Before its bind: also of topics that others have, and of their end."""
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)

    def look(self, socket: zmq.Socket[bytes]) -> bool:
        """To be called before each message; reads some of what peers have sent. Whether there is more."""
        if not int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return False
        with contextlib.suppress(zmq.Again):
            for _ in range(AT_ONCE):
                self._count(socket.recv(zmq.NOBLOCK, copy=False))
            return True
        return False

    def spoke(self) -> dict[int, int]:
        """Who has said anything since this was last asked: descriptor -> topics held now."""
        found = {fd: self._topics[fd] for fd in self._spoke}
        self._spoke.clear()
        return found

    def forget(self, fd: int) -> None:
        """A connection has gone: its descriptor may be another's next."""
        self._topics.pop(fd, None)

    def _want(self, said: bytes) -> None:
        if said[:1] == b"\1":
            self._wanted[said[1:]] += 1
        elif said[:1] == b"\0":
            self._wanted[said[1:]] -= 1
            if self._wanted[said[1:]] <= 0:
                del self._wanted[said[1:]]

    def _count(self, frame: zmq.Frame) -> None:
        self._want(frame.bytes)
        try:
            fd = int(frame.get(zmq.SRCFD))
        except zmq.ZMQError:  # of a peer that has gone
            return
        told = frame.bytes[:1]
        # What is neither counts like a topic: nobody has a reason to send it.
        self._topics[fd] = max(0, self._topics[fd] + (-1 if told == b"\0" else 1))
        self._spoke.add(fd)
