"""Clocks that jump. The wall clock is set for the programs under test alone: a library before the system's adds an
offset to what reads it (realtime/chaos/set_clock.py), while monotonic clocks go on as they do when a machine's clock is
set. A source's own timeline jumps in a real file: MPEG-TS parts of other times, one behind the other, as recorders
leave them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import zmq
from many_producers import Light
from run_process import RunProcess
from serve_process import ServeProcess
from waiting import until

from realtime import Subscriber, subscribe
from realtime.assets.fetch import fetch
from realtime.bench.known_poses import known_frame
from realtime.chaos.matrix import Cell, in_scene
from realtime.chaos.place import LeftOutError
from realtime.chaos.set_clock import WallClock
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.wire.encode import encode_pose

HOUR_S, WAIT_S = 3600, 120.0
READ_CLOCKS = "import sys, time; [print(time.time_ns(), time.monotonic_ns(), flush=True) for _ in sys.stdin]"


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[WallClock]:
    try:
        made = WallClock(tmp_path)
    except LeftOutError as error:
        pytest.skip(str(error))
    with made:
        yield made


def cells(scene: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    monkeypatch.setenv("REALTIME_RUNTIME", str(folder))
    return list(in_scene(scene, folder, random.Random(1)))


def test_a_clock_is_set_for_a_program_that_runs_and_for_nobody_else(clock: WallClock) -> None:
    with subprocess.Popen([sys.executable, "-c", READ_CLOCKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **clock.env}) as popen:  # fmt: skip
        assert popen.stdin is not None
        assert popen.stdout is not None
        for step_s in (0, HOUR_S, -3 * HOUR_S):
            clock.step(step_s)
            before_ns, monotonic_before_ns = unix_ns(), monotonic_ns()
            popen.stdin.write("\n")
            popen.stdin.flush()
            told_ns, told_monotonic_ns = map(int, popen.stdout.readline().split())
            ahead_ns = {0: 0, HOUR_S: HOUR_S, -3 * HOUR_S: -2 * HOUR_S}[step_s] * NS_PER_S
            assert before_ns + ahead_ns <= told_ns <= unix_ns() + ahead_ns
            assert monotonic_before_ns <= told_monotonic_ns <= monotonic_ns()


def test_a_session_whose_clock_is_set_goes_on_as_it_was(
    clock: WallClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cells("set clock", tmp_path, monkeypatch)
    assert [cell.fault for cell in found][:3] == ["an hour back", "two hours on", "to and fro"]
    assert len(found) == 6
    assert all(cell.well for cell in found), found
    assert [cell.sessions for cell in found[:3]] == [0, 0, 0]  # nobody was started again for it


@pytest.mark.parametrize("scene", ["producer's clock", "server's clock"])
def test_a_producer_and_its_server_go_on_whosever_clock_is_set(
    scene: str, clock: WallClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cells(scene, tmp_path, monkeypatch)
    assert [cell.fault for cell in found] == ["an hour back", "two hours on", "to and fro"]
    assert all(cell.well for cell in found), found


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_pose_is_as_old_as_before_by_the_clock_that_was_set(
    clock: WallClock, step_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in clock.env.items():
        monkeypatch.setenv(name, value)
    with (
        RunProcess("--source", "demo", "--loop", "--detector", "lite", "--no-view") as run,
        subscribe(run.address, timeout_s=WAIT_S) as poses,
    ):
        before = next(poses)
        clock.step(step_s)
        ages_s = []
        while len(ages_s) < 10:
            message = next(poses)
            if abs(message.t_publish_ns - before.t_publish_ns) > HOUR_S // 2 * NS_PER_S:
                ages_s.append((message.t_publish_ns - message.t_capture_ns) / NS_PER_S)
        assert all(0 <= age_s < HOUR_S / 2 for age_s in ages_s)


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_the_rate_is_the_publishers_own_right_after_its_clock_was_set(step_s: int) -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.linger = 0
        publisher.bind("tcp://127.0.0.1:*")
        with Subscriber(publisher.getsockopt_string(zmq.LAST_ENDPOINT)) as subscriber:
            assert publisher.poll(30_000), "it subscribes"
            for seq in range(40):
                at_ns = 10**18 + seq * NS_PER_S // 20 + (step_s * NS_PER_S if seq >= 20 else 0)
                publisher.send(encode_pose(known_frame(seq), stream="main", session="s", seq=seq, t_capture_ns=at_ns,
                                           t_publish_ns=at_ns))  # fmt: skip
                subscriber.receive(WAIT_S)
                assert subscriber.rate_hz in (0, pytest.approx(20))
                assert seq in (0, 20) or subscriber.rate_hz > 0


# ---- the source's own timeline ----


def part(path: Path, begins_s: float) -> bytes:
    """The demo's first 40 frames as MPEG-TS, whose own time begins there."""
    capture = cv2.VideoCapture(str(fetch("demo")))
    with av.open(str(path), "w", format="mpegts") as film:
        stream = film.add_stream("mpeg2video", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 884, 496, "yuv420p", 8_000_000
        for number in range(40):
            picture = cv2.resize(capture.read()[1], (884, 496), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number + round(begins_s * 30), Fraction(1, 30)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    capture.release()
    return path.read_bytes()


@pytest.mark.parametrize("begin_s", [(100, 97, 105), (10, 3610, 10), (95_442, 1, 3)])
def test_a_film_whose_time_jumps_is_shown_whole_and_in_order(begin_s: tuple[float, ...], tmp_path: Path) -> None:
    """Seconds to and fro, an hour on and back, the turn of the 33 bits of MPEG's clock."""
    film = tmp_path / "joined.ts"
    film.write_bytes(b"".join(part(tmp_path / "part.ts", seconds) for seconds in begin_s))
    with RunProcess("--source", str(film), "--detector", "lite", "--no-view", "--max-speed") as run:
        with subscribe(run.address, timeout_s=WAIT_S) as poses:
            heard = [next(poses) for _ in range(100)]
        summary = run.finish()
    times_ns = [message.source_ns for message in heard]
    assert all(later > earlier for earlier, later in pairwise(times_ns))
    for third in (heard[:30], heard[-30:]):  # there is somebody before the jumps and after them
        assert any(not person.held for message in third for person in message.persons)
    assert (summary["frames"], summary["dropped"]) == (120, 0)


def test_a_producer_whose_sources_time_jumps_is_lifted_on() -> None:
    with ServeProcess() as server, Subscriber(server.address, "light") as poses:
        light, heard, pace = Light(server.intake, "light"), [], threading.Event()

        def go_on() -> None:
            light.step()
            pace.wait(0.025)  # not a wait for anything: a camera is no faster
            while poses.alive and (newest := poses.latest()) is not None and newest not in heard[-1:]:
                heard.append(newest)

        def shown_anew() -> bool:
            return sum(any(not person.held for person in pose.persons) for pose in heard[start:]) >= 20

        try:
            for ahead_s in (0, 5, -5, 0.4, -0.4, HOUR_S, -HOUR_S, 0):
                light.ahead_ns, start = int(ahead_s * NS_PER_S), len(heard)
                until(shown_anew, go_on, WAIT_S)
        finally:
            light.sender.close()
    frames = [message.frame_id for message in heard]
    assert frames == sorted(frames)
    assert all(np.isfinite(person.joints_m).all() for message in heard for person in message.persons)
