"""What the stream costs: encoding, publish to receive, and what many and bad subscribers do to the publisher."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import psutil
import zmq

from realtime.bench.known_poses import known_frame
from realtime.bench.spawned import start
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.signals import leave_to_parent
from realtime.server.publish import Publisher
from realtime.wire.decode import decode_pose
from realtime.wire.encode import encode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import POSE, topic

LOOPBACK = "tcp://127.0.0.1:*"
READY_S = 30


def measure(
    seconds: float, rounds: int, rate_hz: float, subscribers: int, stalled: int, pause_s: float
) -> dict[str, Any]:
    """All figures of `realtime bench stream`, in interleaved blocks: one subscriber alone, one on a machine as busy as
    with many (the others have a publisher of their own), and many."""
    result = measure_codec()
    crowd = (subscribers - 1 - stalled, stalled)
    blocks: dict[str, list[dict[str, Any]]] = {"one": [], "busy": [], "many": []}
    with Publisher(LOOPBACK, None) as publisher:
        peer = (_measured_peer, publisher.address)
        for _ in range(rounds):
            blocks["one"].append(_block(publisher, [peer], seconds, rate_hz))
            with _elsewhere(rate_hz) as other:
                blocks["busy"].append(_block(publisher, [peer, (_crowd, other, *crowd)], seconds, rate_hz))
            blocks["many"].append(_block(publisher, [peer, (_crowd, publisher.address, *crowd)], seconds, rate_hz))
        return result | _compare(blocks) | measure_pause(publisher, pause_s)


def measure_codec(repeats: int = 5000) -> dict[str, Any]:
    """p50 of a one-person frame's encoding and decoding, each in us; its size."""
    frame = known_frame(0)

    def encode(encoding: str) -> bytes:
        return encode_pose(
            frame, stream="main", session="0f8fad5b-d9cb-469f-a165-70867728950e", seq=1000, t_capture_ns=10**18,
            t_publish_ns=10**18, engine="onnxruntime", model="stream-243", encoding=encoding,
        )  # fmt: skip

    result: dict[str, Any] = {}
    for encoding in ("msgpack", "json"):
        message = encode(encoding)
        result |= {
            f"{encoding}_bytes": len(message),
            f"{encoding}_encode_p50_us": _p50_us(partial(encode, encoding), repeats),
            f"{encoding}_decode_p50_us": _p50_us(partial(decode_pose, message), repeats),
        }
    return result


def _p50_us(work: Callable[[], object], repeats: int) -> float:
    times = np.empty(repeats)
    for i in range(repeats):
        start_ns = monotonic_ns()
        work()
        times[i] = monotonic_ns() - start_ns
    return round(float(np.percentile(times, 50)) / 1000, 1)


def measure_pause(publisher: Publisher, pause_s: float, rate_hz: float = 30.0) -> dict[str, Any]:
    """A latest-only reader that stops reading for `pause_s`: how far behind the newest is what it reads next?"""
    with Subscriber(publisher.address, latest_only=True) as subscriber:
        before = None
        while before is None:
            _send_for(publisher, 0.1, rate_hz)
            before = subscriber.latest()
        _send_for(publisher, pause_s, rate_hz)
        threading.Event().wait(0.05)  # the last frame is on its way
        sent = publisher.sent()
        after = subscriber.receive(1.0)
    return {
        "pause_s": pause_s, "pause_behind_newest": sent - 1 - after.seq, "pause_gap": after.gap,
        "pause_gap_expected": after.seq - before.seq - 1,
    }  # fmt: skip


@contextlib.contextmanager
def _elsewhere(rate_hz: float) -> Iterator[str]:
    """The address of another publisher, in a process of its own, that sends the same frames at the same rate."""
    pipe, process = start(_publish, rate_hz)
    try:
        if not pipe.poll(READY_S):
            raise RuntimeError("the other publisher did not get ready")
        yield pipe.recv()
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.send("stop")
        process.join()


def _publish(pipe: Connection, rate_hz: float) -> None:
    leave_to_parent((signal.SIGINT,))
    with Publisher(LOOPBACK, None) as publisher:
        pipe.send(publisher.address)
        while not pipe.poll():
            _send_for(publisher, 0.1, rate_hz)


def _block(
    publisher: Publisher, peers: Sequence[tuple[Any, ...]], seconds: float, rate_hz: float
) -> dict[str, Any]:
    """Frames at `rate_hz` to the first peer, which is measured, and a crowd, each in a process of its own."""
    pipes, processes = zip(*(start(*peer) for peer in peers), strict=True)
    deadline_ns = monotonic_ns() + READY_S * NS_PER_S
    while not all(pipe.poll() for pipe in pipes):  # until every reader has had a frame
        _send_for(publisher, 0.1, rate_hz)
        if monotonic_ns() > deadline_ns or not all(process.is_alive() for process in processes):
            raise RuntimeError("the subscribers did not get ready")
    for pipe in pipes:
        pipe.recv()
    rss = psutil.Process().memory_info().rss
    send_us, cpu_us = _send_for(publisher, seconds, rate_hz)
    grown = psutil.Process().memory_info().rss - rss
    for pipe in pipes:
        pipe.send("stop")
    receive_us, gaps = pipes[0].recv()
    for process in processes:
        process.join()
    return {"send_us": send_us, "send_cpu_us": cpu_us, "receive_us": receive_us, "gaps": gaps, "grown_bytes": grown}


def _send_for(publisher: Publisher, seconds: float, rate_hz: float) -> tuple[list[float], list[float]]:
    """Paced frames; the time that each `send` took in us, by the clock and of the processor."""
    pause, start_ns = threading.Event(), monotonic_ns()
    took: list[float] = []
    cpu: list[float] = []
    for i in range(max(1, int(seconds * rate_hz))):
        pause.wait(max(0.0, start_ns / NS_PER_S + i / rate_hz - monotonic_ns() / NS_PER_S))
        frame = known_frame(i)
        before_ns, before_cpu_ns = monotonic_ns(), time.thread_time_ns()
        publisher.send(frame, engine="onnxruntime", model="stream-243")
        cpu.append((time.thread_time_ns() - before_cpu_ns) / 1000)
        took.append((monotonic_ns() - before_ns) / 1000)
    return took, cpu


def _measured_peer(pipe: Connection, address: str) -> None:
    """A typed subscriber: from `t_publish_ns` to the message in the program's hands, on the machine's one clock."""
    leave_to_parent((signal.SIGINT,))  # which ends this process, a daemon
    with Subscriber(address) as subscriber:
        subscriber.receive(READY_S)
        pipe.send("ready")
        subscriber.latest()
        receive_us, gaps = [], subscriber.gaps
        while not pipe.poll():
            with contextlib.suppress(StreamTimeoutError):
                message = subscriber.receive(0.1)
                receive_us.append((message.t_receive_ns - message.t_publish_ns) / 1000)
        pipe.send((receive_us, subscriber.gaps - gaps))


def _crowd(pipe: Connection, address: str, readers: int, stalled: int) -> None:
    """Subscribers that read what comes and look at nothing, and others that never read."""
    leave_to_parent((signal.SIGINT,))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    poller = zmq.Poller()
    asleep = [connect_subscriber(context, address, [topic(POSE, "main")], high_water=10) for _ in range(stalled)]
    for _ in range(readers):
        poller.register(connect_subscriber(context, address, [topic(POSE, "main")]), zmq.POLLIN)
    waiting = {socket for socket, _ in poller.sockets}
    while waiting:
        for socket, _ in poller.poll():
            socket.recv()
            waiting.discard(socket)
    pipe.send("ready")
    while not pipe.poll():
        for socket, _ in poller.poll(100):
            socket.recv()
    for socket in asleep:
        socket.close(linger=0)
    context.destroy(linger=0)


def _compare(blocks: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Pooled percentiles of the interleaved blocks, and each round's p99 of many against one, busy and alone."""
    result: dict[str, Any] = {}
    for name, rounds in blocks.items():
        for what in ("send_us", "send_cpu_us", "receive_us"):
            pooled = [value for block in rounds for value in block[what]]
            for percent in (50, 99):
                result[f"{name}_{what}_p{percent}"] = round(float(np.percentile(pooled, percent)), 1)
        result[f"{name}_gaps"] = sum(block["gaps"] for block in rounds)
        result[f"{name}_grown_bytes"] = [block["grown_bytes"] for block in rounds]
    for name, base in (("p99_ratio", "busy"), ("p99_ratio_to_alone", "one")):
        for what in ("send_us", "send_cpu_us", "receive_us"):
            ratios = [
                float(np.percentile(many[what], 99) / np.percentile(one[what], 99))
                for one, many in zip(blocks[base], blocks["many"], strict=True)
            ]
            result[f"{what}_{name}"] = [round(ratio, 2) for ratio in ratios]
    return result
