"""The workers' poses, on to who has subscribed to them at the front door."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import zmq

from realtime.closing import Closing
from realtime.keys.key_store import KeyStore
from realtime.server.publish import Publisher
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context

_LOOK_MS = 20  # how soon a new subscription is passed on
_AT_ONCE = 64
_HELD = 4096  # messages that wait here at most

log = logging.getLogger("realtime.fleet")


class Forwarding(Closing):
    """A thread with one socket, connected to every worker, that has the topics somebody wants."""

    def __init__(self, front: Publisher, keys: Path | None) -> None:
        self._front = front
        self._addresses: set[str] = set()
        self._stop = threading.Event()
        pair = None if keys is None else KeyStore(keys).server()
        with own_context() as self._context:
            own = None if pair is None else ClientKeys(pair.public, pair.secret, pair.public)
            self._socket = open_subscriber(self._context, "tcp://127.0.0.1:0", (), high_water=_HELD, keys=own)
        self._thread = threading.Thread(target=self._run, name="realtime-forwarding", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def follow(self, addresses: set[str]) -> None:
        """The workers that there are."""
        self._addresses = set(addresses)

    def _run(self) -> None:
        connected: set[str] = set()
        topics: set[bytes] = set()
        while not self._stop.is_set():
            addresses, wanted = self._addresses, self._front.wanted()
            for address in addresses - connected:
                self._socket.connect(address)
            for address in connected - addresses:
                self._socket.disconnect(address)
            for topic in wanted - topics:
                self._socket.setsockopt(zmq.SUBSCRIBE, topic)
            for topic in topics - wanted:
                self._socket.setsockopt(zmq.UNSUBSCRIBE, topic)
            connected, topics = addresses, wanted
            if self._socket.poll(_LOOK_MS):
                self._front.forward(self._read())

    def _read(self) -> list[bytes]:
        messages: list[bytes] = []
        while len(messages) < _AT_ONCE:
            try:
                messages.append(self._socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                break
        return messages
