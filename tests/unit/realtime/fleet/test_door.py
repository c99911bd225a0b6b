"""The front door without Ray: who is sent where, and who is told why not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest
import zmq
from waiting import until

from realtime.client.ask import RpcClient
from realtime.fleet.beat import Beat
from realtime.fleet.door import Door
from realtime.fleet.options import DoorOptions
from realtime.wire.framing import KEYPOINTS, encode_map, topic
from realtime.wire.joining import (
    BUSY,
    FULL,
    MALFORMED,
    NAME,
    UNKNOWN,
    VERSION_CODE,
    Answer,
    AskClock,
    Clock,
    Join,
    Moved,
    Refused,
    Request,
    decode_answer,
    encode_request,
)

ANYWHERE = "tcp://127.0.0.1:*"
WAIT_MS = 60_000
INTAKE, POSES = "tcp://127.0.0.1:7", "tcp://127.0.0.1:9"  # a worker's


@pytest.fixture
def door() -> Iterator[Door]:
    stop = threading.Event()
    with Door(DoorOptions(ANYWHERE, ANYWHERE, ANYWHERE)) as door:
        thread = threading.Thread(target=door.run, args=(stop,))
        thread.start()
        yield door
        stop.set()
        thread.join()


@pytest.fixture
def producer(door: Door) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(door.intake_address)
        yield socket


def asked(producer: zmq.Socket[bytes], body: bytes | Request) -> Answer:
    producer.send(body if isinstance(body, bytes) else encode_request(body))
    assert producer.poll(WAIT_MS)
    return decode_answer(producer.recv())


def beat(door: Door, limit: int = 8, streams: Mapping[str, str] = MappingProxyType({})) -> None:
    """A worker tells the door that it is there. It is dead for the door where this is not heard for a while."""
    door.beat(Beat("worker-1", INTAKE, POSES, limit, streams))


def placed(door: Door, producer: zmq.Socket[bytes], limit: int = 8) -> Answer:
    """With a worker that has just told of itself, however busy the machine is."""
    answers: list[Answer] = []

    def once() -> bool:
        beat(door, limit)
        answers.append(asked(producer, Join("hall", "life", follows=True)))
        return not (isinstance(answers[-1], Refused) and answers[-1].code == BUSY)

    until(once, wait_s=60)
    return answers[-1]


def test_a_producer_is_sent_to_a_worker(door: Door, producer: zmq.Socket[bytes]) -> None:
    assert placed(door, producer) == Moved(INTAKE)
    assert door.streams() == {"hall": "worker-1"}
    beat(door, streams={"hall": "life"})
    told = door.told()
    assert told["streams"] == {"hall": "worker-1"}
    assert [(one["name"], one["lifts"], one["draining"]) for one in told["workers"]] == [("worker-1", 1, False)]
    door.bury("worker-1")
    assert door.told()["workers"] == []


def test_where_nobody_lifts_there_is_no_place(door: Door, producer: zmq.Socket[bytes]) -> None:
    refused = asked(producer, Join("hall", "life", follows=True))
    assert isinstance(refused, Refused)
    assert (refused.code, "no worker is there yet" in refused.message) == (BUSY, True)
    full = placed(door, producer, limit=0)
    assert isinstance(full, Refused)
    assert (full.code, "'realtime fleet add'" in full.message) == (FULL, True)
    assert not door.drain("worker-1")  # nobody could take its streams


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (topic(KEYPOINTS, "hall") + encode_map({"v": 1}), UNKNOWN, "join first"),
        (encode_map({"v": 2, "op": "join"}), VERSION_CODE, "version"),
        (b"no map", MALFORMED, "neither msgpack nor JSON"),
        (encode_map({"v": 1, "op": "dance"}), MALFORMED, "dance"),
        (Join("../hall", "life", follows=True), NAME, "1 to 64 letters"),
        (Join("hall", "life", follows=False), VERSION_CODE, "connect it to a 'realtime serve'"),
    ],
)
def test_who_cannot_come_is_told_why(
    door: Door, producer: zmq.Socket[bytes], body: bytes | Request, code: str, says: str
) -> None:
    refused = asked(producer, body)
    assert isinstance(refused, Refused)
    assert (refused.code, says in refused.message) == (code, True), refused


def test_the_clock_is_told_and_a_ping_is_nothing_to_answer(door: Door, producer: zmq.Socket[bytes]) -> None:
    producer.send(encode_map({"v": 1, "op": "ping", "state": "running", "why": ""}))
    clock = asked(producer, AskClock(5))  # of the two the only one that is answered
    assert isinstance(clock, Clock)
    assert clock.t_client_ns == 5
    assert clock.t_receive_ns <= clock.t_send_ns


def test_subscribers_are_told_of_the_fleets_streams(door: Door) -> None:
    def told() -> bool:
        beat(door, streams={"hall": "life"})
        with RpcClient(door.rpc_address) as client:
            return bool(client.ask("hello")["streams"] == ["hall"])

    until(told, wait_s=60)
