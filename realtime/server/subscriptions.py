"""What peers have subscribed to, counted: ZeroMQ keeps every different topic for as long as its peer is connected."""

from __future__ import annotations

import contextlib

import zmq

MAX_TOPICS = 1000  # of all peers together, different ones; a stream has three
_AT_ONCE = 1000  # a flood must not hold up the frame that is to be sent


class Subscriptions:
    """Of one XPUB socket, which tells of a topic's first subscriber and of its last one's leaving."""

    def __init__(self) -> None:
        self._topics = 0

    @property
    def any(self) -> bool:
        return self._topics > 0

    @property
    def too_many(self) -> bool:
        return self._topics > MAX_TOPICS

    def look(self, socket: zmq.Socket[bytes]) -> None:
        """To be called before each message; reads what peers have sent."""
        if not int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return
        with contextlib.suppress(zmq.Again):
            for _ in range(_AT_ONCE):
                told = socket.recv(zmq.NOBLOCK)
                self._topics += told.startswith(b"\1") - told.startswith(b"\0")
