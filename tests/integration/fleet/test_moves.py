"""Streams of a real fleet, on real Ray: they go on elsewhere when workers die, come, and leave, as if nothing were."""

from __future__ import annotations

import os
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

import pytest
import zmq
from fleet_process import WAIT_S, FleetProcess
from serve_process import ProducersProcess
from uninterrupted import Uninterrupted
from waiting import until as until_within

from engines.lifting.load_lifter import load_lifter
from realtime.wire.decode import decode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import POSE
from realtime.wire.messages import PoseMessage

pytest.importorskip("ray", reason="needs the extra [fleet]")

STREAMS = ["a", "b", "c", "d"]
FPS = 10.0  # of the clock on the wall; each frame is a thirtieth of a second of the source's own time
MORE = 25  # poses of every stream after each event
until = partial(until_within, wait_s=WAIT_S)


class Poses:
    """What a subscriber at the front door has got, of all streams, in the order of its coming."""

    def __init__(self, address: str) -> None:
        self.of: dict[str, list[PoseMessage]] = defaultdict(list)
        self._address, self._stop = address, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def count(self) -> dict[str, int]:
        return {stream: len(self.of[stream]) for stream in STREAMS}

    def wait_for_more(self, before: dict[str, int], more: int = MORE) -> None:
        until(lambda: all(len(self.of[stream]) >= before[stream] + more for stream in STREAMS))

    def _run(self) -> None:
        with zmq.Context() as context:
            socket = connect_subscriber(context, self._address, [f"{POSE}/".encode()])
            while not self._stop.is_set():
                if socket.poll(100):
                    message = decode_pose(socket.recv())
                    self.of[message.stream].append(message)
            socket.close(linger=0)


@pytest.fixture(scope="module")
def reference() -> Iterator[Uninterrupted]:
    with load_lifter() as lifter:
        yield Uninterrupted(lifter)


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetProcess]:
    with FleetProcess("--workers", "2", "--floor", "off", "--most-busy", "1") as fleet:
        yield fleet


@pytest.fixture(scope="module")
def poses(fleet: FleetProcess) -> Iterator[Poses]:
    poses = Poses(fleet.address)
    try:
        with ProducersProcess(fleet.intake, STREAMS, fps=FPS):
            poses.wait_for_more(dict.fromkeys(STREAMS, 0))
            yield poses
    finally:
        poses.close()


def settled(fleet: FleetProcess, workers: int) -> dict[str, str]:
    """Each stream's worker, once there are so many and nothing is about to move."""
    told: list[dict[str, str]] = []

    def still() -> bool:
        now = fleet.told()
        lifted = sum(one["lifts"] for one in now["workers"])
        told.append(now["streams"])
        return len(now["workers"]) == workers and not now["moving"] and lifted == len(STREAMS)

    until(still)
    return told[-1]


def after(poses: Poses, before: dict[str, int]) -> dict[str, list[PoseMessage]]:
    return {stream: poses.of[stream][before[stream] :] for stream in STREAMS}


def test_streams_of_a_worker_that_is_killed_go_on_elsewhere(
    fleet: FleetProcess, poses: Poses, reference: Uninterrupted
) -> None:
    where = settled(fleet, 2)
    pids = {one["name"]: one["pid"] for one in fleet.told()["workers"]}
    killed = where["a"]
    before = poses.count()
    os.kill(pids[killed], signal.SIGKILL)
    poses.wait_for_more(before)
    for stream, messages in after(poses, before).items():
        reference.check(messages[-MORE:])
        changed = poses.of[stream][before[stream] - 1].session != messages[-1].session
        assert changed or where[stream] != killed  # a busy machine may have moved others too
    now = settled(fleet, 2)  # another worker has been started in its place
    assert killed not in now.values()


def test_a_worker_that_is_added_gets_its_share_without_a_pause(
    fleet: FleetProcess, poses: Poses, reference: Uninterrupted
) -> None:
    before = poses.count()
    (added,) = fleet.order("add").split()
    until(lambda: added in settled(fleet, 3).values())
    poses.wait_for_more(poses.count())
    for messages in after(poses, before).values():
        reference.check(messages)


def test_a_worker_that_leaves_hands_its_streams_over(
    fleet: FleetProcess, poses: Poses, reference: Uninterrupted
) -> None:
    where, before = settled(fleet, 3), poses.count()
    leaves = where["a"]
    assert fleet.order("remove", leaves).split() == [leaves]
    assert leaves not in settled(fleet, 2).values()
    poses.wait_for_more(poses.count())
    for messages in after(poses, before).values():
        reference.check(messages)


def test_an_upgrade_replaces_every_worker_while_streams_go_on(
    fleet: FleetProcess, poses: Poses, reference: Uninterrupted
) -> None:
    old, before = {one["name"] for one in fleet.told()["workers"]}, poses.count()
    new = set(fleet.order("upgrade").split())
    assert len(new) == len(old)
    assert not new & old
    assert set(settled(fleet, len(old)).values()) <= new
    poses.wait_for_more(poses.count())
    for messages in after(poses, before).values():
        reference.check(messages)


def test_a_front_door_that_is_killed_is_opened_again_and_lifting_goes_on(
    fleet: FleetProcess, poses: Poses, reference: Uninterrupted
) -> None:
    told = fleet.told()
    before = poses.count()
    os.kill(told["door"]["pid"], signal.SIGKILL)
    until(lambda: fleet.try_order("status").returncode == 0 and fleet.told()["door"]["pid"] != told["door"]["pid"])
    assert settled(fleet, len(told["workers"])).keys() == told["streams"].keys()  # as the workers tell it
    poses.wait_for_more(poses.count())
    for messages in after(poses, before).values():
        reference.check(messages)
