"""A stream whose server dies, or hands it over, goes on as if nothing were: its producer tells what it has seen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from many_producers import Light
from serve_process import ServeProcess
from uninterrupted import Uninterrupted
from waiting import until as until_within

from engines.lifting.load_lifter import load_lifter
from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import StreamConfig
from realtime.serve.options import ServeOptions
from realtime.serve.server import Server
from realtime.wire.messages import PoseMessage

ANYWHERE = "tcp://127.0.0.1:*"
FRAMES, FPS = 30, 20  # on the wall's clock: no frame is too many for a busy machine
until = partial(until_within, wait_s=120.0)


@pytest.fixture(scope="module")
def reference() -> Iterator[Uninterrupted]:
    with load_lifter() as lifter:
        yield Uninterrupted(lifter)


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """In a thread of this process, which can tell it to hand a stream over."""
    options = ServeOptions(ANYWHERE, floor="off", most_busy=1.0, stream=StreamConfig(ANYWHERE, ANYWHERE))
    stop = threading.Event()
    with Server(options) as server:
        thread = threading.Thread(target=server.run, args=(stop,))
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()


class Follower:
    """Sends frames, and collects their poses, from one server or another."""

    def __init__(self, light: Light, *subscribers: Subscriber) -> None:
        self.light, self._subscribers = light, subscribers
        self._due_ns = 0
        self.poses: list[PoseMessage] = []

    def until_more(self, poses: int) -> None:
        wanted = len(self.poses) + poses
        until(lambda: len(self.poses) >= wanted, self.step)

    def step(self) -> None:
        if monotonic_ns() < self._due_ns:
            self.light.sender.tend()
        else:
            self._due_ns = monotonic_ns() + NS_PER_S // FPS
            self.light.step()
        for subscriber in self._subscribers:
            with contextlib.suppress(StreamTimeoutError):
                while True:
                    message = subscriber.receive(0.001)
                    if message.persons:
                        self.poses.append(message)


def test_a_server_that_is_started_anew_goes_on_where_the_one_before_was(reference: Uninterrupted) -> None:
    with ServeProcess("--floor", "off") as server, Subscriber(server.address, "door") as subscriber:
        light = Light(server.intake, "door")
        follower = Follower(light, subscriber)
        follower.until_more(FRAMES)
        intake = server.intake
    before = len(follower.poses)
    with ServeProcess("--floor", "off", "--bind", intake) as server, Subscriber(server.address, "door") as subscriber:
        again = Follower(light, subscriber)
        again.until_more(FRAMES)
    light.sender.close()
    reference.check(follower.poses[:before])
    reference.check(again.poses)
    assert again.poses[0].persons[0].window_fill > follower.poses[0].persons[0].window_fill  # it remembered
    assert again.poses[0].persons[0].id == follower.poses[0].persons[0].id


def test_a_stream_is_handed_over_without_a_pause_and_in_silence(reference: Uninterrupted) -> None:
    with (
        running_server() as first, running_server() as second,
        Subscriber(first.address, "door") as at_first, Subscriber(second.address, "door") as at_second,
        StatusListener(first.address, "door") as status,
    ):  # fmt: skip
        light = Light(first.intake_address, "door")
        follower = Follower(light, at_first, at_second)
        follower.until_more(FRAMES)
        first.move("door", second.intake_address)
        until(lambda: light.sender.moves == 1, follower.step)
        until(lambda: second.lifted().keys() == {"door"} and not first.lifted(), follower.step)
        follower.until_more(FRAMES)
        last = status.latest()
        assert last is not None
        assert last["state"] == "running"  # not `stopped`: another goes on
        light.sender.close()
    poses = sorted(follower.poses, key=lambda message: message.frame_id)  # of two sockets
    assert len({message.session for message in poses}) == 2
    reference.check(poses)


def test_a_handover_that_fails_leaves_the_stream_where_it_is(reference: Uninterrupted) -> None:
    with running_server() as server, Subscriber(server.address, "door") as subscriber:
        light = Light(server.intake_address, "door")
        follower = Follower(light, subscriber)
        follower.until_more(FRAMES)
        server.move("door", "tcp://127.0.0.1:9")  # nobody is there
        server.move("door", "nonsense")
        until(lambda: light.sender._next is not None, follower.step)
        until(lambda: light.sender._next is None, follower.step)
        follower.until_more(FRAMES)
        light.sender.close()
        assert subscriber.sessions == 1
    reference.check(follower.poses)
