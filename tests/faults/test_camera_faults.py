"""A camera that freezes, stalls, refuses, and processes that stop: what a subscriber is told, and when it is over."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import psutil
import pytest
import zmq
from mjpeg_server import MjpegServer
from run_process import RunProcess
from waiting import until

import realtime
from realtime.assets.fetch import fetch
from realtime.wire.decode import decode_pose, decode_status
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import Fields
from realtime.wire.messages import PoseMessage

SCHEMA = json.loads((Path(realtime.__file__).parent / "wire" / "status.schema.json").read_text())


@dataclass
class Watched:
    """A session that looks at a camera of ours, and what its subscriber has heard."""

    camera: MjpegServer
    run: RunProcess
    socket: zmq.Socket[bytes]
    status: Fields = field(default_factory=dict)
    poses: list[PoseMessage] = field(default_factory=list)

    def restarts(self, name: str) -> int:
        """As last told; -1 by a lifter's first words, which say nothing of the others."""
        return int(self.status.get("processes", {}).get(name, {}).get("restarts", -1))

    @property
    def state(self) -> str:
        return str(self.status.get("state"))

    def hear(self) -> None:
        while self.socket.poll(0):
            message = self.socket.recv()
            if message.startswith(b"status"):
                self.status = decode_status(message)
                jsonschema.validate(self.status, SCHEMA)
            elif message.startswith(b"pose3d"):
                self.poses.append(decode_pose(message))

    def until(self, *states: str) -> None:
        until(lambda: self.state in states, self.hear)

    def fresh(self, count: int = 10) -> None:
        """Until so many more poses of somebody seen have come, in a stream that says it runs."""
        start = len(self.poses)

        def enough() -> bool:
            return sum(any(not person.held for person in pose.persons) for pose in self.poses[start:]) >= count

        until(enough, self.hear)
        self.until("running", "degraded")

    def pid(self, name: str) -> int:
        """Of the process's newest life."""
        started = (re.search(rf"{name} started \(pid (\d+)\)", line) for line in self.run.said)
        return [int(match[1]) for match in started if match][-1]


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=20, scale=0.5, frames=60) as camera,
        RunProcess("--source", camera.url, "--no-view", "--detector", "lite") as run,
        zmq.Context() as context,
    ):
        socket = connect_subscriber(context, run.address, [b"pose3d/", b"status/"])
        watched = Watched(camera, run, socket)
        try:
            run.wait_for("producer ready")
            watched.fresh()
            yield watched
        finally:
            socket.close()


def test_a_frozen_camera_gives_no_fresh_poses(watched: Watched) -> None:
    watched.camera.freeze()
    watched.until("frozen")
    assert "same picture" in watched.status["why"]
    assert watched.status["processes"]["producer"]["state"] == "frozen"
    assert watched.status["processes"]["lifter"]["state"] == "running"
    start = len(watched.poses)
    until(lambda: len(watched.poses) > start + 20, watched.hear)
    assert all(person.held for pose in watched.poses[start:] for person in pose.persons)
    watched.camera.thaw()
    watched.fresh()


def test_a_camera_that_stalls_is_said_to(watched: Watched) -> None:
    watched.camera.stall()
    watched.until("stalled")
    assert watched.status["state_since_ns"] <= watched.status["t_publish_ns"]
    watched.camera.resume()
    watched.fresh()
    assert watched.status["why"] == "" or watched.state == "degraded"


def test_a_camera_that_refuses_is_waited_for(watched: Watched) -> None:
    restarts = watched.restarts("producer")
    watched.camera.stop()
    watched.until("reconnecting")
    watched.camera.start()
    watched.fresh()
    assert watched.restarts("producer") == restarts


def test_a_producer_that_dies_while_the_camera_refuses_does_not_end_the_session(watched: Watched) -> None:
    watched.camera.stop()
    watched.until("reconnecting")
    os.kill(watched.pid("producer"), signal.SIGKILL)
    watched.until("restarting")
    watched.until("reconnecting")
    watched.camera.start()
    watched.fresh()


@pytest.mark.parametrize("name", ["producer", "lifter"])
def test_a_process_that_is_stopped_is_replaced(watched: Watched, name: str) -> None:
    restarts = watched.restarts(name)
    os.kill(watched.pid(name), signal.SIGSTOP)
    if name == "producer":
        watched.until("stalled")
    until(lambda: watched.restarts(name) == restarts + 1, watched.hear)
    watched.fresh()


def test_ctrl_z_and_fg_restart_nothing(watched: Watched) -> None:
    before = watched.restarts("producer"), watched.restarts("lifter")
    session = psutil.Process(watched.run.popen.pid)
    everybody = [session, *session.children()]
    for process in everybody:
        process.suspend()
    with contextlib.suppress(psutil.TimeoutExpired):
        session.wait(5)  # not a wait for anything: longer than a watchdog's patience
    for process in everybody:
        process.resume()
    watched.fresh(30)
    assert (watched.restarts("producer"), watched.restarts("lifter")) == before


def test_memory_unlinked_from_outside_does_not_end_the_session_with_the_next_death(watched: Watched) -> None:
    [ring] = {mapped.path for mapped in psutil.Process(watched.pid("lifter")).memory_maps() if "ring-" in mapped.path}
    Path(ring).unlink()
    os.kill(watched.pid("lifter"), signal.SIGKILL)
    watched.fresh()


def test_the_numbers_of_the_frames_never_go_back(watched: Watched) -> None:
    watched.hear()
    ids = [pose.frame_id for pose in watched.poses]
    assert ids == sorted(set(ids))
