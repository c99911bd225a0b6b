"""Light producers for `realtime bench serve`: known movements, sent at an even pace, none in step with another."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.process.signals import leave_to_parent
from realtime.produce.sender import Sender
from realtime.wire.decode import decode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import POSE, topic

SAMPLED = 8  # streams whose latency is measured, spread over all
IMAGE_WH = (640, 480)
_FOCAL_PX = 554.0
_LOOP = 300  # frames, there and back again
_WARM_S = 3.0
_JOIN_S = 120.0


class Producer:
    """`send` is to be called at each frame's time."""

    def __init__(self, intake: str, number: int, xy_px: NDArray[np.float32], score: NDArray[np.float32]) -> None:
        self.sender = Sender(intake, f"stream-{number}")
        self.sent_ns: deque[tuple[int, int]] = deque(maxlen=256)  # frame id, Unix time
        self._xy_px, self._score, self._frame = xy_px, score, 0

    def send(self) -> None:
        self.sender.tend()
        if not self.sender.useful:
            return
        now_ns, at = monotonic_ns(), self._frame % (2 * _LOOP - 2)
        row = at if at < _LOOP else 2 * _LOOP - 2 - at
        person = Person2D(0, self._xy_px[row], self._score[row])
        self.sent_ns.append((self._frame, unix_ns()))
        self.sender.send(Keypoints2D(Stamp(self._frame, now_ns, now_ns), IMAGE_WH, (person,), now_ns, 0))
        self._frame += 1


def load(
    pipe: Connection[Any, Any], intake: str, address: str, count: int, refused: int, fps: float, seconds: float
) -> None:
    """Says when all are warm, then, after so many seconds, the latencies in ms. `refused`: who asks for a place too."""
    leave_to_parent()
    logging.getLogger("realtime.produce").setLevel(logging.ERROR)  # that some are refused is meant
    producers = new_producers(intake, count)
    until_ns = monotonic_ns() + int(_JOIN_S * NS_PER_S)
    while not all(producer.sender.ready for producer in producers):
        for producer in producers:
            producer.sender.tend()
        if monotonic_ns() > until_ns:
            raise UserError(f"not all of {count} producers were let in within {_JOIN_S:g} s")
        time.sleep(0.01)
    others = [Sender(intake, f"refused-{number}") for number in range(refused)]
    sampled = {f"stream-{number}": producers[number] for number in range(0, count, -(-count // SAMPLED))}
    with zmq.Context() as context:
        poses = connect_subscriber(context, address, [topic(POSE, stream) for stream in sampled])
        _run(producers, others, sampled, poses, fps, _WARM_S)
        pipe.send("warm")
        pipe.send(_run(producers, others, sampled, poses, fps, seconds))
        poses.close(linger=0)
    pipe.recv()  # until killed


def new_producers(intake: str, count: int) -> list[Producer]:
    from engines.plans.synthetic_motion import synthetic_motion

    motion = synthetic_motion(min(count, 32), _LOOP)
    xy_px = np.ascontiguousarray(motion.rays * _FOCAL_PX + np.array(IMAGE_WH) / 2, np.float32)
    return [Producer(intake, n, xy_px[n % len(xy_px)], motion.score[n % len(xy_px)]) for n in range(count)]


def _run(
    producers: list[Producer], others: list[Sender], sampled: dict[str, Producer], poses: zmq.Socket[bytes],
    fps: float, seconds: float,
) -> list[float]:  # fmt: skip
    """Sends, and reads what comes back; the latencies of the sampled streams in ms."""
    latencies_ms: list[float] = []

    def meanwhile() -> None:
        for other in others:
            other.tend()
        while poses.poll(0):
            message = decode_pose(poses.recv())
            sent_ns = dict(sampled[message.stream].sent_ns).get(message.frame_id)
            if sent_ns is not None:
                latencies_ms.append((message.t_publish_ns - sent_ns) / 1e6)

    send_evenly(producers, fps, seconds, meanwhile)
    return latencies_ms


def send_evenly(
    producers: list[Producer], fps: float, seconds: float, meanwhile: Callable[[], None] = lambda: None
) -> None:  # fmt: skip
    """Frames of all producers, no two at the same time; `meanwhile` is called again and again."""
    period_ns, start_ns = round(NS_PER_S / fps), monotonic_ns()
    due_ns = [start_ns + period_ns * number // len(producers) for number in range(len(producers))]
    while monotonic_ns() - start_ns < seconds * NS_PER_S:
        now_ns = monotonic_ns()
        for number, producer in enumerate(producers):
            if due_ns[number] <= now_ns:
                producer.send()
                due_ns[number] = max(due_ns[number] + period_ns, now_ns - period_ns)
        meanwhile()
        time.sleep(max(0, min(due_ns) - monotonic_ns()) / NS_PER_S)
