"""Many producers on loopback: nothing crosses between streams, whoever joins, leaves, stalls or is killed."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import zmq
from many_producers import bodies_m, carries_signature, right_m
from serve_process import WAIT_S, ProducersProcess, ServeProcess

from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.wire.decode import decode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import POSE
from realtime.wire.messages import PersonPose, PoseMessage

STREAMS, PROCESSES = 200, 4
POSES_EACH, STREAMS_SEEN = 10, 180
_HIPS = (4, 1)


@contextlib.contextmanager
def everything(address: str) -> Iterator[Iterator[PoseMessage]]:
    """All streams' poses, while they come."""

    def messages(socket: zmq.Socket[bytes]) -> Iterator[PoseMessage]:
        while socket.poll(int(WAIT_S * 1000)):
            yield decode_pose(socket.recv())
        pytest.fail("no pose came")

    with zmq.Context() as context:
        socket = connect_subscriber(context, address, [f"{POSE}/".encode()], high_water=100_000)
        try:
            yield messages(socket)
        finally:
            socket.close(linger=0)


def stands_as_sent(stream: str, person: PersonPose) -> bool:
    """Where the stream's person stands across the picture, and the way they face."""
    across = person.root_m[0] / person.root_m[2] - right_m(stream) / 4.0
    hips = (person.joints_m[_HIPS[0]] - person.joints_m[_HIPS[1]])[[0, 2]]
    sent = (bodies_m(stream)[0, _HIPS[0]] - bodies_m(stream)[0, _HIPS[1]])[[0, 2]]
    return bool(abs(across) < 0.05 and hips @ sent > 0.5 * np.linalg.norm(hips) * np.linalg.norm(sent))


def test_nothing_crosses_between_two_hundred_restless_streams() -> None:
    names = [f"camera-{number}" for number in range(STREAMS)]
    counts: Counter[str] = Counter()
    newest: dict[str, int] = {}
    ids: set[int] = set()
    with (
        ServeProcess("--streams", str(STREAMS), "--most-busy", "1", "--floor", "off") as server,
        everything(server.address) as messages,
        contextlib.ExitStack() as producers,
    ):
        for number in range(PROCESSES):
            part = names[number::PROCESSES]
            producers.enter_context(ProducersProcess(server.intake, part, fps=2, restless=True, seed=number))
        end_ns = monotonic_ns() + 270 * NS_PER_S
        for message in messages:
            assert message.seq == newest.get(message.stream, -1) + 1  # also after a producer came back
            newest[message.stream] = message.seq
            for person in message.persons:
                assert carries_signature(message.stream, person), message.stream
                if person.window_fill > 0.04:
                    assert stands_as_sent(message.stream, person), message.stream
                ids.add(person.id)
            counts[message.stream] += bool(message.persons)
            if sum(count >= POSES_EACH for count in counts.values()) >= STREAMS_SEEN and len(ids) > 1:
                break
            assert monotonic_ns() < end_ns, f"only {sum(count >= POSES_EACH for count in counts.values())} streams"


def test_a_killed_producer_comes_back_as_somebody_else() -> None:
    """Who was seen before it was killed is not taken for who is seen after."""
    with ServeProcess("--floor", "off") as server, Subscriber(server.address, "door", timeout_s=WAIT_S) as subscriber:
        with ProducersProcess(server.intake, ["door"], fps=30) as producer:
            first = next(message for message in subscriber if message.persons)
            producer.kill()
        with ProducersProcess(server.intake, ["door"], fps=30):
            again = next(message for message in subscriber if message.frame_id < first.frame_id)
            back = next(message for message in subscriber if message.persons and not message.persons[0].held)
    assert again.session == back.session == first.session
    assert back.persons[0].id > first.persons[0].id
    assert subscriber.gaps == 0


def test_a_stream_whose_producer_is_killed_stops() -> None:
    with ServeProcess() as server, StatusListener(server.address, "door") as status:
        with ProducersProcess(server.intake, ["door"], fps=30):
            server.wait_for(re.compile("'door' has joined"))
        server.wait_for(re.compile("'door' has left, it was silent: 0 streams"))
        end_ns = monotonic_ns() + int(WAIT_S * NS_PER_S)
        while (newest := status.latest()) is None or newest["state"] != "stopped":
            assert monotonic_ns() < end_ns
