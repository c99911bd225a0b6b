"""A site of three cameras as its user has it, and what comes of it against who is in the room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zmq
from room import wandering
from room_detector import LATE_S, SEED
from run_process import RunProcess
from serve_process import WAIT_S

from realtime.client.subscribe import Subscriber
from realtime.clock import NS_PER_S
from realtime.wire.decode import decode_keypoints
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import KEYPOINTS, topic
from realtime.wire.messages import PoseMessage

NAMES = ("left", "middle", "right")


def started(site: Path, *options: str) -> RunProcess:
    return RunProcess("--config", "site.toml", "--no-view", *options, cwd=site)


@contextmanager
def starts_ns(address: str) -> Iterator[dict[str, int]]:
    """When each camera's film began, by its keypoints: filled when the context begins."""
    found: dict[str, int] = {}
    with zmq.Context() as context:
        socket = connect_subscriber(context, address, [topic(KEYPOINTS, name) for name in NAMES])
        try:
            while len(found) < len(NAMES):
                assert socket.poll(int(WAIT_S * 1000)), f"keypoints came from {list(found)} alone"
                message = decode_keypoints(socket.recv())
                found[message.stream] = message.t_capture_ns - message.source_ns
            yield found
        finally:
            socket.close(linger=0)


def off_m(message: PoseMessage, start_ns: int) -> float:
    """How far the joints of the message's person are from where they were, mean; the first camera's film began at
    `start_ns`."""
    film_s = (message.t_capture_ns - start_ns) / NS_PER_S
    truth = wandering(np.array([film_s - LATE_S[0] + 10.0]), SEED)[0]
    return min(float(np.linalg.norm(person.positions_m - truth, axis=1).mean()) for person in message.persons)


def settled(subscriber: Subscriber) -> PoseMessage:
    return next(one for one in subscriber if any(person.window_fill > 0.3 for person in one.persons))


def some(subscriber: Subscriber, count: int) -> list[PoseMessage]:
    """Messages with somebody freshly seen."""
    return [next(one for one in subscriber if any(not person.held for person in one.persons)) for _ in range(count)]
