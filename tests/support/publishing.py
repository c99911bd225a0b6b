"""A publisher of known frames, for the tests of the stream."""

from __future__ import annotations

from waiting import until

from realtime import PoseMessage, Subscriber
from realtime.bench.known_poses import known_frame
from realtime.server.publish import Publisher

LOOPBACK = "tcp://127.0.0.1:*"


def joined(publisher: Publisher, subscriber: Subscriber) -> PoseMessage:
    """Publishes frames, each with the joints of its seq, until the subscriber has them."""
    until(lambda: subscriber.latest() is not None, lambda: send(publisher))
    until(lambda: subscriber.latest().seq == publisher.sent() - 1)
    return subscriber.latest()


def send(publisher: Publisher, count: int = 1, stream: str | None = None) -> None:
    for _ in range(count):
        index = publisher.sent(stream)
        assert publisher.send(known_frame(index), engine="e", model="m", lookahead=2, stream=stream)
