"""Replay: a recording is published again with its own timing, whatever its clocks did."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from takes import FRAME_NS, pose_at, take_of
from waiting import WAIT_S, until

from engines.errors import UserError
from realtime import subscribe
from realtime.bench.known_poses import known_frame, known_joints
from realtime.client.ask import RpcClient
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.server.publish import Publisher
from realtime.takes.replay import MAX_STEP_NS, frames, replay
from realtime.takes.take import Recorded, TakeWriter, read_take
from realtime.wire.framing import VersionError
from realtime.wire.messages import PoseMessage

LOOPBACK = "tcp://127.0.0.1:*"


def send(publisher: Publisher) -> None:
    publisher.send(known_frame(publisher.sent()))


def replayed(path: Path, count: int, **options: object) -> list[PoseMessage]:
    """What a subscriber gets of a replay that begins once it listens."""
    with (
        Publisher(LOOPBACK, None, high_water=5000) as publisher,
        subscribe(publisher.address, timeout_s=WAIT_S) as subscriber,
    ):
        until(lambda: subscriber.latest() is not None, lambda: send(publisher))
        until(lambda: subscriber.latest().seq == publisher.sent() - 1)
        stop = threading.Event()
        thread = threading.Thread(target=replay, args=(path, publisher), kwargs={**options, "stop": stop})
        thread.start()
        try:
            return [message for _, message in zip(range(count), subscriber, strict=False)]
        finally:
            stop.set()
            thread.join()


def test_replay_publishes_the_poses_with_their_own_timing(tmp_path: Path) -> None:
    path = take_of(tmp_path / "take.mcap", 31)
    for speed in (1.0, 4.0):
        messages = replayed(path, 31, speed=speed)
        assert [message.frame_id for message in messages] == list(range(31))
        for message in messages:
            np.testing.assert_array_equal(message.persons[0].joints_m, known_joints(message.frame_id))
            assert message.engine == "e"
            assert message.t_publish_ns - message.t_capture_ns > 35e6  # as old as when it was recorded
        took_ns = messages[-1].t_publish_ns - messages[0].t_publish_ns
        assert took_ns >= 30 * FRAME_NS / speed - 50e6  # never faster; how much slower is the machine's affair


def jumping(path: Path, jump_ns: int) -> Path:
    """A recording whose publisher's clock was set in the middle; the recorder's own clock ran wild all along."""
    with TakeWriter(path) as take:
        for i in range(10):
            fields = pose_at(i).fields
            times = {name: fields[name] + (jump_ns if i > 4 else 0) for name in ("t_capture_ns", "t_publish_ns")}
            take.add(Recorded("pose3d", "main", random.Random(i).randrange(2**62), {**fields, **times}))
    return path


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_clock_that_was_set_neither_drops_frames_nor_holds_them_up(tmp_path: Path, jump_s: int) -> None:
    path = jumping(tmp_path / "take.mcap", jump_s * 10**9)
    at_ns = [frame.at_ns for frame in frames(path)]
    steps = np.diff(at_ns)
    assert steps[4] == (MAX_STEP_NS if jump_s > 0 else 0)
    assert set(np.delete(steps, 4)) == {FRAME_NS}
    assert [frame.seq for frame in frames(path, seek_s=5 * FRAME_NS / 1e9)][-4:] == [6, 7, 8, 9]
    messages = replayed(path, 10, speed=1000)
    assert [message.frame_id for message in messages] == list(range(10))
    assert all(message.t_publish_ns - message.t_capture_ns > 35e6 for message in messages)


class Noting(Publisher):
    """Notes the capture times that it is given, (frame_id, monotonic ns)."""

    def __init__(self) -> None:
        super().__init__(LOOPBACK, None)
        self.captures: dict[type, list[tuple[int, int]]] = {PoseFrame: [], Keypoints2D: []}

    def send(self, frame: PoseFrame, **about: object) -> bool:
        self.captures[PoseFrame].append((frame.stamp.frame_id, frame.stamp.capture_ns))
        return super().send(frame, **about)

    def send_keypoints(self, keypoints: Keypoints2D, **about: object) -> bool:
        self.captures[Keypoints2D].append((keypoints.stamp.frame_id, keypoints.stamp.capture_ns))
        return super().send_keypoints(keypoints, **about)


def test_replay_shifts_all_capture_times_by_one_offset(tmp_path: Path) -> None:
    with Noting() as publisher:
        replay(take_of(tmp_path / "take.mcap", 20), publisher)
    poses = np.array(publisher.captures[PoseFrame])
    assert poses[:, 0].tolist() == list(range(20))
    steps = np.diff(poses[:, 1])
    assert steps.min() == np.median(steps) == FRAME_NS  # a replay that is held up may fall behind
    assert np.median(np.array(publisher.captures[Keypoints2D])[:, 1] - poses[:, 1]) == 0


@pytest.mark.parametrize("speed", [1e-300, 1e9, float("inf"), float("nan"), -1])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: float) -> None:
    with Publisher(LOOPBACK, None) as publisher, pytest.raises(UserError, match="speed"):
        replay(tmp_path / "take.mcap", publisher, speed=speed)


def test_replay_seeks_and_loops(tmp_path: Path) -> None:
    path = take_of(tmp_path / "take.mcap", 30)
    messages = replayed(path, 25, speed=0, seek_s=20.5 * FRAME_NS / 1e9, loop=True)
    assert [message.frame_id for message in messages[:20]] == [*range(21, 30), *range(21, 30), 21, 22]


def test_the_commands_end_to_end(tmp_path: Path) -> None:
    path = take_of(tmp_path / "take.mcap", 30, stream="side")
    again = tmp_path / "again.mcap"
    with subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "replay", str(path), "--loop", "--address", "tcp://127.0.0.1:46311",
         "--rpc", "tcp://127.0.0.1:46312"],
        stderr=subprocess.PIPE, text=True,
    ) as player:  # fmt: skip
        try:
            with RpcClient("tcp://127.0.0.1:46312") as client:
                assert client.ask("hello", WAIT_S)["streams"] == ["side"]
            subprocess.run(
                [sys.executable, "-m", "realtime.cli", "record", "-o", str(again), "--address", "tcp://127.0.0.1:46311",
                 "--seconds", "3"],
                check=True, timeout=WAIT_S,
            )  # fmt: skip
        finally:
            player.terminate()
        assert player.stderr is not None
        assert f"replaying {path} at tcp://127.0.0.1:46311" in player.stderr.read()
    assert player.returncode == 0
    kinds = {message.kind for message in read_take(again)}
    assert kinds == {"pose3d", "keypoints2d", "status"}


def test_messages_that_break_the_protocol_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, later = tmp_path / "take.mcap", tmp_path / "later.mcap"
    with TakeWriter(path) as take, TakeWriter(later) as other:
        for i in range(10):
            good = pose_at(i)
            bad = {**good.fields, "image_wh": [0, 0]}
            take.add(replace(good, fields=bad) if i in (3, 4) else good)
            other.add(replace(good, fields={**good.fields, "v": 9}))
    assert [message.fields["seq"] for message in read_take(path)] == [0, 1, 2, *range(5, 10)]
    assert "image_wh" in caplog.text
    assert "2 messages" in caplog.text
    assert [message.seq for message in replayed(path, 8, speed=0)][-1] > 0
    with pytest.raises(VersionError, match="version 9"):
        list(read_take(later))
