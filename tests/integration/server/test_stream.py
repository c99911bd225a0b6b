"""Publisher and subscriber over real sockets: delivery, gaps, sessions, freshness, light imports."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import zmq
from publishing import LOOPBACK, joined, send
from waiting import WAIT_S, until

import realtime
from engines.errors import UserError
from realtime import Subscriber, subscribe
from realtime.bench.known_poses import known_frame, known_joints, known_keypoints
from realtime.bridge.keypoints import NewestKeypoints
from realtime.client.ask import RpcClient
from realtime.client.subscribe import StreamTimeoutError
from realtime.clock import monotonic_ns
from realtime.contracts import Stamp
from realtime.server.publish import Publisher
from realtime.wire.decode import decode_status
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import VersionError, WireError, encode_map, topic


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
def test_every_frame_arrives_in_order_and_typed(encoding: str) -> None:
    with (
        Publisher(LOOPBACK, None, encoding=encoding, high_water=2000) as publisher,
        subscribe(publisher.address, timeout_s=WAIT_S) as subscriber,
    ):
        first = joined(publisher, subscriber).seq + 1
        send(publisher, 500)
        for seq, message in zip(range(first, first + 500), subscriber, strict=False):
            assert (message.seq, message.gap, message.engine, message.lookahead) == (seq, 0, "e", 2)
            np.testing.assert_array_equal(message.persons[0].joints_m, known_joints(seq))
            assert message.t_capture_ns <= message.t_publish_ns <= message.t_receive_ns
        assert (subscriber.gaps, subscriber.sessions, subscriber.invalid) == (0, 1, 0)


def test_a_reader_that_stands_still_resumes_with_the_newest_frame_and_the_right_gap(publisher: Publisher) -> None:
    with subscribe(publisher.address, latest_only=True) as subscriber, subscribe(publisher.address) as witness:
        joined(publisher, witness)
        before = joined(publisher, subscriber)
        received = subscriber.received
        gaps = subscriber.gaps
        send(publisher, 300)  # ten seconds of frames that nobody reads
        last = publisher.sent() - 1
        until(lambda: witness.latest().seq == last)
        until(lambda: subscriber.latest().seq == last)
        assert last == before.seq + 300
        assert subscriber.gaps - gaps + subscriber.received - received == 300
        assert subscriber.received - received < 30  # one, unless its input thread was late


def test_a_reader_of_every_frame_counts_what_the_high_water_mark_cost(publisher: Publisher) -> None:
    with subscribe(publisher.address, high_water=10) as subscriber, subscribe(publisher.address) as witness:
        joined(publisher, witness)
        before = joined(publisher, subscriber)
        received, gaps = subscriber.received, subscriber.gaps
        until(lambda: witness.latest().seq >= before.seq + 6000, lambda: (send(publisher, 100), witness.latest()))
        until(lambda: subscriber.latest().seq == publisher.sent() - 1, lambda: (send(publisher), subscriber.latest()))
        lost = subscriber.latest().seq - before.seq - (subscriber.received - received)
        assert subscriber.gaps - gaps == lost > 0


def test_streams_on_one_endpoint_do_not_mix(publisher: Publisher) -> None:
    with subscribe(publisher.address, "main") as main, subscribe(publisher.address, "main2") as other:
        joined(publisher, main)
        until(lambda: other.latest() is not None, lambda: send(publisher, stream="main2"))
        assert other.latest().stream == "main2"
        count = main.received
        send(publisher, 5, "main2")
        until(lambda: other.latest().seq == publisher.sent("main2") - 1)
        main.latest()
        assert main.received == count


def test_a_restarted_publisher_is_a_new_session() -> None:
    with Publisher(LOOPBACK, None) as first, subscribe(first.address) as subscriber:
        old = joined(first, subscriber)
        address = first.address
        assert subscriber.alive
        before = subscriber.received
        first.close()
        with Publisher(address, None) as second:
            until(lambda: subscriber.latest().session == second.session, lambda: send(second))
            assert subscriber.sessions == 2
            assert subscriber.gaps == second.sent() - (subscriber.received - before) > 0, "of its beginning too"
            assert old.session != second.session


def test_freshness_tells_a_silent_and_a_slow_stream(publisher: Publisher) -> None:
    with subscribe(publisher.address, min_rate_hz=5) as subscriber:
        assert not subscriber.alive
        assert not subscriber.rate_ok
        joined(publisher, subscriber)
        send(publisher, 5)
        until(lambda: subscriber.latest().seq == publisher.sent() - 1)
        assert subscriber.rate_ok
        subscriber.min_rate_hz = 1e9
        assert not subscriber.rate_ok
        until(lambda: not subscriber.alive)


def test_a_timeout_that_is_infinite_is_none(publisher: Publisher) -> None:
    with subscribe(publisher.address, timeout_s=float("inf")) as subscriber:
        joined(publisher, subscriber)
        send(publisher)
        assert next(subscriber).seq == publisher.sent() - 1


def test_silence_is_a_timeout() -> None:
    with subscribe("tcp://127.0.0.1:9", timeout_s=0.05) as subscriber, pytest.raises(StreamTimeoutError, match="main"):
        next(subscriber)


def test_an_asyncio_program_gets_the_same_frames(publisher: Publisher) -> None:
    async def take(subscriber: Subscriber, count: int) -> list[int]:
        seqs = []
        async for message in subscriber:
            seqs.append(message.seq)
            if len(seqs) == count:
                break
        return seqs

    with subscribe(publisher.address, timeout_s=WAIT_S) as subscriber:
        first = joined(publisher, subscriber).seq + 1
        send(publisher, 20)
        assert asyncio.run(take(subscriber, 20)) == list(range(first, first + 20))
        send(publisher, 20)
        until(lambda: subscriber.alive)

        async def beside() -> int:
            turns, reading = 0, asyncio.ensure_future(take(subscriber, 20))
            while not reading.done():
                await asyncio.sleep(0)
                turns += 1
            assert await reading == list(range(first + 20, first + 40))
            return turns

        assert asyncio.run(beside()) >= 20  # messages that wait leave the loop to others, one by one
        subscriber.timeout_s = 0.05
        with pytest.raises(StreamTimeoutError):
            asyncio.run(take(subscriber, 1))
        send(publisher)
        assert subscriber.receive(WAIT_S).seq == first + 40  # still usable without asyncio


def test_a_cancelled_asyncio_reader_leaves_nothing_in_the_loop(publisher: Publisher) -> None:
    async def cancel(subscriber: Subscriber) -> bool:
        waiting = asyncio.ensure_future(anext(subscriber.__aiter__()))
        for _ in range(2):  # it waits now
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return asyncio.get_running_loop().remove_reader(subscriber._socket.fileno())

    with subscribe(publisher.address) as subscriber:
        assert not asyncio.run(cancel(subscriber)), "it was still watched"


def test_damaged_messages_are_skipped_and_another_version_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as bad:
        port = bad.bind_to_random_port("tcp://127.0.0.1")
        with subscribe(f"tcp://127.0.0.1:{port}") as subscriber:
            with caplog.at_level(logging.WARNING):
                until(lambda: subscriber.latest() is None and subscriber.invalid > 3,
                      lambda: bad.send(topic("pose3d", "main") + b"\xc1"))  # fmt: skip
            assert len(caplog.records) == 1
            other = topic("pose3d", "main") + encode_map({"v": 9})
            with pytest.raises(VersionError, match="version 9"):
                until(lambda: subscriber.latest() is not None, lambda: bad.send(other))
        bad.close(linger=0)


def test_a_frame_that_is_not_finite_is_left_out_and_counted(publisher: Publisher) -> None:
    frame = known_frame(0)
    bad = replace(frame, persons=(replace(frame.persons[0], joints_m=np.full((17, 3), np.nan, np.float32)),))
    assert not publisher.send(bad)
    assert publisher.sent() == publisher.sent("typo") == 0
    with RpcClient(publisher.rpc_address) as client:
        streams = client.ask("status")["streams"]
        assert list(streams) == ["main"]
        assert streams["main"]["unsendable"] == 1


def test_the_status_comes_once_a_second_and_meets_its_schema(publisher: Publisher) -> None:
    schema = json.loads((Path(realtime.__file__).parent / "wire" / "status.schema.json").read_text())
    publisher.status({"stages_ms": {"lift": np.float32(1.5)}, "state": "warming up"})
    with zmq.Context() as context:
        socket = connect_subscriber(context, publisher.address, [topic("status", "main")])
        times = []
        for _ in range(3):
            assert socket.poll(WAIT_S * 1000)
            status = decode_status(socket.recv())
            jsonschema.validate(status, schema)
            times.append(status["t_publish_ns"])
            assert (status["state"], status["stages_ms"]) == ("warming up", {"lift": 1.5})
        assert min(np.diff(times)) > 0.3e9
        publisher.close()
        assert socket.poll(WAIT_S * 1000)
        assert decode_status(socket.recv())["state"] == "stopped"
        socket.close(linger=0)
    with pytest.raises(WireError):
        Publisher(LOOPBACK, None, stream="no good")


def test_addresses_that_cannot_be_used_say_what_to_do(publisher: Publisher) -> None:
    with pytest.raises(UserError, match="stop what uses it"):
        Publisher(publisher.address, None)
    with pytest.raises(UserError, match="address"):
        Publisher("localhost", None)
    with pytest.raises(UserError, match="65535"):
        Publisher("tcp://127.0.0.1:99999", None)
    with pytest.raises(UserError, match="encoding"):
        Publisher(LOOPBACK, None, encoding="pickle")
    with pytest.raises(UserError, match="connect"):
        subscribe("nonsense")
    with RpcClient("tcp://127.0.0.1:9") as client, pytest.raises(UserError, match="realtime run"):
        client.ask("hello", timeout_s=0.05)


def test_the_client_imports_nothing_heavy() -> None:
    program = (
        "import sys, realtime; from realtime import subscribe; assert callable(subscribe);"
        "heavy = {'cv2', 'mediapipe', 'open3d', 'torch', 'onnxruntime', 'scipy', 'typer', 'rich', 'asyncio'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "assert realtime.subscribe('tcp://127.0.0.1:9').stream == 'main'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_pose_and_keypoints_of_a_frame_carry_one_stamp() -> None:
    """To the nanosecond: the offset between the clocks, which is never read the same twice, is read once a frame."""
    with (
        Publisher(LOOPBACK, None, high_water=2000) as publisher,
        Subscriber(publisher.address) as poses,
        NewestKeypoints(publisher.address, "main") as newest,
    ):
        stamps: dict[int, int] = {}
        both: list[bool] = []

        def publish() -> None:
            number, now_ns = publisher.sent(), monotonic_ns()
            publisher.send_keypoints(replace(known_keypoints(number), stamp=Stamp(number, now_ns, now_ns)))
            publisher.send(replace(known_frame(number), stamp=Stamp(number, now_ns, now_ns)))
            keypoints = newest()
            if keypoints is not None:
                stamps[keypoints.frame_id] = keypoints.t_capture_ns
            with contextlib.suppress(StreamTimeoutError):
                while True:
                    message = poses.receive(0.001)
                    if message.frame_id in stamps:
                        both.append(stamps[message.frame_id] == message.t_capture_ns)

        until(lambda: len(both) > 50, publish)
    assert all(both)
