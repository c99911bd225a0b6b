"""The stream when its ends fail: a killed publisher, a frozen subscriber, readers that never read, a full disk."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import zmq
from waiting import until

from engines.errors import UserError
from realtime import Subscriber, subscribe
from realtime.bench.known_poses import known_frame
from realtime.server.publish import Publisher
from realtime.takes.record import record
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import topic

PUBLISHER = """
import sys, threading
from realtime.server.publish import Publisher
from realtime.bench.known_poses import known_frame
with Publisher(sys.argv[1], None) as publisher:
    print(publisher.address, flush=True)
    while True:
        publisher.send(known_frame(publisher.sent()))
        threading.Event().wait(0.01)
"""
LISTENER = """
import sys
from realtime import subscribe
with subscribe(sys.argv[1], latest_only=True) as subscriber:
    for message in subscriber:
        print(message.seq, message.gap, flush=True)
"""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:*", None, high_water=1000) as opened:
        yield opened


def send(publisher: Publisher, count: int = 1) -> None:
    for _ in range(count):
        publisher.send(known_frame(publisher.sent()))


def start(program: str, address: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, address], stdout=subprocess.PIPE, text=True)


def test_a_subscriber_outlives_a_killed_publisher() -> None:
    with start(PUBLISHER, "tcp://127.0.0.1:*") as first:
        assert first.stdout is not None
        address = first.stdout.readline().strip()
        with subscribe(address) as subscriber:
            until(lambda: subscriber.latest() is not None)
            first.kill()
            first.wait()
            until(lambda: not subscriber.alive, subscriber.latest)
            with start(PUBLISHER, address) as second:
                until(lambda: subscriber.sessions == 2, subscriber.latest)
                assert subscriber.alive
                second.kill()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_a_frozen_subscriber_resumes_without_having_held_anybody_up(publisher: Publisher) -> None:
    with (
        subscribe(publisher.address) as witness,
        start(LISTENER, publisher.address) as frozen,
    ):
        assert frozen.stdout is not None
        lines: list[tuple[int, int]] = []
        reader = threading.Thread(target=lambda: lines.extend(tuple(map(int, line.split())) for line in frozen.stdout))
        reader.start()
        try:
            until(lambda: len(lines) > 3, lambda: send(publisher))
            until(lambda: witness.latest() is not None, lambda: send(publisher))
            os.kill(frozen.pid, signal.SIGSTOP)
            gaps, target = witness.gaps, publisher.sent() + 20_000
            until(lambda: publisher.sent() >= target, lambda: (send(publisher, 50), witness.latest()))
            assert witness.gaps == gaps
            os.kill(frozen.pid, signal.SIGCONT)
            until(lambda: lines[-1][0] > target, lambda: send(publisher))
        finally:
            frozen.kill()
            reader.join()
    for (before, _), (seq, gap) in itertools.pairwise(lines):
        assert gap == seq - before - 1
    assert sum(gap for _, gap in lines) > 0


def test_readers_that_never_read_cost_the_publisher_no_memory(publisher: Publisher) -> None:
    with zmq.Context() as context, subscribe(publisher.address) as witness:
        topics = [topic("pose3d", "main")]
        asleep = [connect_subscriber(context, publisher.address, topics, high_water=1) for _ in range(10)]
        until(lambda: all(socket.poll(0) for socket in asleep), lambda: send(publisher))
        until(lambda: witness.latest() is not None, lambda: send(publisher))

        def burst() -> int:
            target = publisher.sent() + 5000
            until(lambda: publisher.sent() >= target, lambda: (send(publisher, 50), witness.latest()))
            return psutil.Process().memory_info().rss

        burst()  # fills what is bounded: high-water marks, the kernel's buffers
        before = burst()
        assert burst() - before < 5000 * 800  # what keeping it for one of the ten would take; all ten: ten times that
        for socket in asleep:
            socket.close(linger=0)


@pytest.mark.parametrize("how", ["receive", "latest", "record"])
def test_one_message_that_is_too_large_leaves_nobody_deaf(how: str, tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as broken:
        broken.linger = 0
        broken.bind("tcp://127.0.0.1:*")
        address = broken.getsockopt_string(zmq.LAST_ENDPOINT)
        good = encode_pose(known_frame(7), stream="main", session="s", seq=7, t_capture_ns=1, t_publish_ns=1)
        heard: list[int] = []
        done = threading.Event()

        def listen() -> None:
            if how == "record":
                heard.append(record(address, tmp_path / "take.mcap", frames=1, stop=done).poses)
                return
            with subscribe(address) as subscriber:
                while not heard and not done.is_set():
                    if how == "latest":
                        heard.extend([] if subscriber.latest() is None else [1])
                        done.wait(0.01)
                    else:
                        heard.append(subscriber.receive(30).seq)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            assert broken.poll(30_000), "somebody subscribes"
            broken.send(topic("pose3d", "main") + bytes(2 << 20))
            until(lambda: bool(heard), lambda: broken.send(good))
        finally:
            done.set()
            thread.join(30)
    assert heard[0] > 0


def test_a_publisher_whose_service_thread_died_says_so(publisher: Publisher) -> None:
    publisher._service.stop()
    with pytest.raises(RuntimeError, match="service thread"):
        send(publisher)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_said() -> None:
    fields = {"v": 1, "seq": 1, "t_publish_ns": 1, "x": "y" * 1000}
    with pytest.raises(UserError, match="cannot go on writing"), TakeWriter(Path("/dev/full"), overwrite=True) as take:
        until(lambda: False, lambda: take.add(Recorded("status", "main", 1, fields)))


def test_closing_in_the_middle_leaves_no_thread_and_no_socket() -> None:
    before = threading.active_count(), psutil.Process().num_fds()
    for _ in range(3):
        with Publisher("tcp://127.0.0.1:*", "tcp://127.0.0.1:*") as opened, Subscriber(opened.address):
            send(opened, 10)
    until(lambda: (threading.active_count(), psutil.Process().num_fds()) <= before)
