"""The beginning of a stream: who waits for it gets it whole, and what is lost of it all the same is counted."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zmq
from publishing import send
from run_process import RunProcess, free_port
from takes import take_of
from waiting import WAIT_S, until

from realtime import subscribe
from realtime.assets.fetch import fetch
from realtime.bench.known_poses import known_frame
from realtime.client.subscribe import Subscriber
from realtime.server.publish import Publisher
from realtime.takes.record import RecordSummary, record


def free_address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


def wait_in_vain(subscriber: Subscriber, times: int = 12) -> None:
    """As long as it takes for so many attempts to connect to fail."""
    until(lambda: subscriber._reconnect.retries >= times, subscriber.latest)


def received(subscriber: Subscriber, count: int) -> list[int]:
    return [subscriber.receive(WAIT_S).seq for _ in range(count)]


def test_who_has_waited_for_long_gets_the_first_frame() -> None:
    address = free_address()
    with subscribe(address) as subscriber:
        wait_in_vain(subscriber)
        with Publisher(address, None) as publisher:
            publisher.settle()
            send(publisher, 60)
            assert received(subscriber, 60) == list(range(60))
            assert subscriber.gaps == 0


def test_what_is_lost_of_the_beginning_is_counted() -> None:
    address = free_address()
    with subscribe(address) as subscriber:
        wait_in_vain(subscriber, 2)
        with Publisher(address, None) as publisher:
            send(publisher, 500)  # before everybody can have come
            until(lambda: subscriber.latest() is not None, lambda: send(publisher))
            assert subscriber.gaps == publisher.sent() - subscriber.received


def test_who_joins_a_stream_that_runs_has_missed_nothing() -> None:
    with Publisher("tcp://127.0.0.1:*", None) as publisher:
        send(publisher, 50)
        with subscribe(publisher.address) as subscriber:
            until(lambda: subscriber.latest() is not None, lambda: send(publisher))
            assert subscriber.latest().seq >= 50
            assert subscriber.gaps == 0


def recording(address: str, path: Path, summaries: list[RecordSummary], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=lambda: summaries.append(record(address, path, stop=stop)))
    thread.start()
    return thread


def test_a_recorder_that_was_started_first_has_the_whole_session(tmp_path: Path) -> None:
    port, summaries, stop = free_port(), list[RecordSummary](), threading.Event()
    recorder = recording(f"tcp://127.0.0.1:{port}", tmp_path / "take.mcap", summaries, stop)
    try:
        with RunProcess("--source", str(fetch("demo")), "--max-speed", "--frames", "12", "--no-view", port=port) as run:
            published = run.finish()["published"]
    finally:
        stop.set()
        recorder.join()
    assert published == 12
    assert (summaries[0].poses, summaries[0].keypoints, summaries[0].missed) == (12, 12, 0)


def test_a_recorder_counts_what_it_missed_of_the_beginning(tmp_path: Path) -> None:
    address, summaries, stop = free_address(), list[RecordSummary](), threading.Event()
    with subscribe(address) as witness:
        recorder = recording(address, tmp_path / "take.mcap", summaries, stop)
        wait_in_vain(witness, 4)  # so has the recorder
        with Publisher(address, None) as publisher:
            send(publisher, 500)
            until((tmp_path / "take.mcap").exists, lambda: send(publisher))
        stop.set()
        recorder.join()
    assert summaries[0].poses + summaries[0].missed == max(summaries[0]._last.values()) + 1, "counted from the first"


@pytest.mark.parametrize("late", [False, True])
def test_a_replay_at_full_speed_waits_for_its_listener(late: bool, tmp_path: Path) -> None:
    take, address = take_of(tmp_path / "take.mcap", 300), free_address()
    command = [sys.executable, "-m", "realtime.cli", "replay", str(take), "--speed", "0", "--wait", str(WAIT_S),
               "--address", address, "--rpc", free_address()]  # fmt: skip
    with subscribe(address) as subscriber:
        if not late:
            wait_in_vain(subscriber, 6)
            replay = subprocess.Popen(command)
            assert received(subscriber, 300) == list(range(300))
    if late:
        replay = subprocess.Popen(command)
        with zmq.Context() as context, context.socket(zmq.REQ) as probe:
            probe.connect(command[-1])
            probe.send(b'{"v": 1, "request": "hello"}')
            assert probe.poll(WAIT_S * 1000), "it is up, and waits"
        with subscribe(address) as subscriber:
            assert received(subscriber, 300) == list(range(300))
    assert replay.wait(WAIT_S) == 0


def test_a_reader_that_stands_still_does_not_hold_up_the_others_for_ever() -> None:
    with (
        Publisher("tcp://127.0.0.1:*", None, patient=True) as publisher,
        zmq.Context() as context, context.socket(zmq.SUB) as standing,
    ):  # fmt: skip
        standing.setsockopt(zmq.RCVHWM, 1)
        standing.setsockopt(zmq.RCVBUF, 4096)
        standing.setsockopt(zmq.LINGER, 0)
        standing.setsockopt(zmq.SUBSCRIBE, b"")
        standing.connect(publisher.address)
        assert publisher.wait_for_listener(WAIT_S, threading.Event())
        for index in range(5000):
            assert publisher.send(known_frame(index))
