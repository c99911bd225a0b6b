"""Recordings: what was published is in them, also after a kill; replay publishes it again, or lifts it anew."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq
from mcap.exceptions import McapError
from mcap.reader import make_reader
from waiting import WAIT_S, until

from engines.errors import UserError
from realtime import subscribe
from realtime.clock import monotonic_ns, unix_ns
from realtime.encode import encode_keypoints, encode_pose
from realtime.known_poses import known_frame, known_joints, known_keypoints
from realtime.messages import PoseMessage
from realtime.publish import Publisher
from realtime.record import RecordSummary, record
from realtime.replay import MAX_STEP_NS, frames, replay
from realtime.rpc import RpcClient
from realtime.take import Recorded, TakeWriter, copy_take, read_take
from realtime.wire import VersionError, decode_map, split, topic

LOOPBACK = "tcp://127.0.0.1:*"
FRAME_NS = 33_333_333


def take_of(path: Path, frames: int, stream: str = "main") -> Path:
    """A recording of known frames at 30 Hz, made without a socket."""
    start_ns = 1_767_225_600_000_000_000
    with TakeWriter(path) as take:
        for i in range(frames):
            at_ns = start_ns + i * FRAME_NS
            times = {"t_capture_ns": at_ns, "t_publish_ns": at_ns + 40_000_000}
            about = {"stream": stream, "session": "s", "seq": i, **times}
            pose = encode_pose(known_frame(i), **about, engine="e", model="m")
            take.add(Recorded("pose3d", stream, at_ns + 41_000_000, decode_map(split(pose)[2])))
            points = encode_keypoints(known_keypoints(i), **about, t_detect_ns=at_ns + 30_000_000)
            take.add(Recorded("keypoints2d", stream, at_ns + 41_000_000, decode_map(split(points)[2])))
    return path


def pose(index: int) -> Recorded:
    at_ns = 1_767_225_600_000_000_000 + index * FRAME_NS
    raw = encode_pose(
        known_frame(index), stream="main", session="s", seq=index, t_capture_ns=at_ns, t_publish_ns=at_ns + 40_000_000
    )
    return Recorded("pose3d", "main", at_ns + 41_000_000, decode_map(split(raw)[2]))


def test_what_is_published_is_recorded_and_opens_as_mcap(tmp_path: Path) -> None:
    path, summary, stop = tmp_path / "take.mcap", RecordSummary(), threading.Event()
    ready = threading.Event()
    with Publisher(LOOPBACK, None, high_water=2000) as publisher:

        def work() -> None:
            nonlocal summary
            summary = record(publisher.address, path, frames=200, stop=stop, ready=ready.set)

        recorder = threading.Thread(target=work)
        recorder.start()
        assert ready.wait(WAIT_S)
        try:
            until(
                lambda: not recorder.is_alive(),
                lambda: (
                    publisher.send_keypoints(known_keypoints(publisher.sent())),
                    publisher.send(known_frame(publisher.sent()), engine="e"),
                ),
            )
        finally:
            stop.set()
            recorder.join()
    assert (summary.poses, summary.missed, summary.invalid) == (200, 0, 0)
    with path.open("rb") as file:
        reader = make_reader(file)
        channels = {channel.topic: channel for channel in reader.get_summary().channels.values()}
        assert {"/pose3d/main", "/keypoints2d/main"} <= set(channels)
        schemas = reader.get_summary().schemas
        assert json.loads(schemas[channels["/pose3d/main"].schema_id].data)["title"] == "pose3d"
        assert schemas[channels["/pose3d/main"].schema_id].encoding == "jsonschema"
        assert channels["/pose3d/main"].message_encoding == "json"
        poses = [json.loads(message.data) for _, _, message in reader.iter_messages(topics=["/pose3d/main"])]
    assert len(poses) == 200
    for pose in poses:
        np.testing.assert_array_equal(np.array(pose["persons"][0]["joints"], np.float32), known_joints(pose["seq"]))


def test_a_recorder_killed_at_ten_random_moments_loses_a_second_at_most(tmp_path: Path) -> None:
    random_ = random.Random(11)
    program = (
        "import sys; from pathlib import Path; from realtime.record import record;"
        "record(sys.argv[1], Path(sys.argv[2]), ready=lambda: print('ready', flush=True))"
    )
    with Publisher(LOOPBACK, None, high_water=2000) as publisher:
        for attempt in range(10):
            path = tmp_path / f"{attempt}.mcap"
            command = [sys.executable, "-c", program, publisher.address, str(path)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
                assert recorder.stdout is not None
                assert recorder.stdout.readline() == "ready\n"
                first = publisher.sent()
                begun = partial(lambda path: path.exists() and path.stat().st_size > 500, path)
                until(begun, lambda: send(publisher))
                end_ns = monotonic_ns() + int(random_.uniform(0.1, 1.2) * 1e9)
                until(lambda end_ns=end_ns: monotonic_ns() > end_ns, lambda: send(publisher))
                recorder.kill()
                killed_ns = unix_ns()
            poses = [message.fields for message in read_take(path) if message.kind == "pose3d"]
            assert poses
            seqs = [pose["seq"] for pose in poses]
            assert seqs == list(range(seqs[0], seqs[-1] + 1))
            assert first <= seqs[0]
            assert killed_ns - poses[-1]["t_publish_ns"] < 1e9


def send(publisher: Publisher) -> None:
    publisher.send(known_frame(publisher.sent()))


def test_a_take_cut_anywhere_reads_up_to_the_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = take_of(tmp_path / "whole.mcap", 5).read_bytes()
    expected = [message.fields for message in read_take(tmp_path / "whole.mcap")]
    cut = tmp_path / "cut.mcap"
    random_ = random.Random(3)
    for length in [*range(60), *(random_.randrange(len(whole)) for _ in range(200)), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        got = [message.fields for message in read_take(cut)]
        assert got == expected[: len(got)]
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[random_.randrange(8, len(whole))] ^= 1 << random_.randrange(8)
        cut.write_bytes(damaged)
        for message in read_take(cut):
            assert message.kind in ("pose3d", "keypoints2d")
    assert "ends early" in caplog.text
    assert "damaged" in caplog.text


def test_a_damaged_part_costs_that_part_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "take.mcap"
    with TakeWriter(path, live=False) as take:
        for i in range(2000):
            take.add(pose(i))
    with path.open("rb") as file:
        chunks = make_reader(file).get_summary().chunk_indexes
    assert len(chunks) > 2
    damaged = bytearray(path.read_bytes())
    damaged[chunks[1].chunk_start_offset + chunks[1].chunk_length // 2] ^= 0xFF
    path.write_bytes(damaged)
    seqs = [message.fields["seq"] for message in read_take(path)]
    missing = sorted(set(range(2000)) - set(seqs))
    assert 0 not in missing
    assert 1999 not in missing
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert "damaged and left out" in caplog.text
    assert "stopped hard" not in caplog.text


def test_messages_that_break_the_protocol_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, later = tmp_path / "take.mcap", tmp_path / "later.mcap"
    with TakeWriter(path) as take, TakeWriter(later) as other:
        for i in range(10):
            good = pose(i)
            bad = {**good.fields, "image_wh": [0, 0]}
            take.add(replace(good, fields=bad) if i in (3, 4) else good)
            other.add(replace(good, fields={**good.fields, "v": 9}))
    assert [message.fields["seq"] for message in read_take(path)] == [0, 1, 2, *range(5, 10)]
    assert "image_wh" in caplog.text
    assert "2 messages" in caplog.text
    assert [message.seq for message in replayed(path, 8, speed=0)][-1] > 0
    with pytest.raises(VersionError, match="version 9"):
        list(read_take(later))


def test_a_copy_of_a_killed_recorders_take_opens_with_the_official_reader(tmp_path: Path) -> None:
    killed = tmp_path / "killed.mcap"
    whole = take_of(killed, 30).read_bytes()
    killed.write_bytes(whole[: whole.rindex(b"\x0f\x04\0\0\0\0\0\0\0")])  # up to the record that ends the data
    with killed.open("rb") as file, pytest.raises(McapError):
        make_reader(file).get_summary()
    command = [sys.executable, "-m", "realtime.cli", "replay", str(killed), "-o", str(killed)]
    assert subprocess.run(command, timeout=WAIT_S).returncode == 2
    subprocess.run([*command, "--overwrite"], check=True, timeout=WAIT_S)
    with killed.open("rb") as file:
        reader = make_reader(file)
        assert reader.get_summary().statistics.message_count == 60
        assert sum(1 for _ in reader.iter_messages(topics=["/pose3d/main"])) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["killed.mcap"]


def test_files_that_are_no_recordings_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.mcap"
    other.write_bytes(b"something else entirely")
    with pytest.raises(UserError, match="no recording"):
        list(read_take(other))
    with pytest.raises(UserError, match="cannot read"):
        list(read_take(tmp_path / "missing.mcap"))
    with pytest.raises(UserError, match="--overwrite"):
        TakeWriter(other)
    with pytest.raises(UserError, match="cannot write"):
        TakeWriter(tmp_path / "no" / "folder.mcap")
    (tmp_path / "empty.mcap").write_bytes(b"")
    with pytest.raises(UserError, match="no messages"):
        copy_take(tmp_path / "empty.mcap", tmp_path / "copy.mcap")
    with Publisher(LOOPBACK, None) as publisher, pytest.raises(UserError, match="after 100 s"):
        replay(take_of(tmp_path / "take.mcap", 3), publisher, seek_s=100)


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
            fields = pose(i).fields
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


def test_replay_shifts_all_capture_times_by_one_offset(tmp_path: Path) -> None:
    messages = replayed(take_of(tmp_path / "take.mcap", 20), 20)
    np.testing.assert_allclose(np.diff([message.t_capture_ns for message in messages]), FRAME_NS, atol=1e6)


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
         "--rpc", "tcp://127.0.0.1:46312"]
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
    assert player.returncode == 0
    kinds = {message.kind for message in read_take(again)}
    assert kinds == {"pose3d", "keypoints2d", "status"}


def test_damaged_messages_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, stop, ready = tmp_path / "take.mcap", threading.Event(), threading.Event()
    good, status = pose(0).fields, {"v": 1, "session": "s", "stream": "main", "state": "", "seq": 0, "t_publish_ns": 0}
    damaged = [
        topic("pose3d", "main") + b"\x81\xa1v\x01", b"", b"pose3d/main", b"\xff\xff\0abc",
        *(topic("pose3d", "main") + msgpack.packb({**good, **change}) for change in (
            {"news": float("inf")}, {"latency_ms": {"total": float("nan")}}, {"latency_ms": {b"": 1.0}},
        )),
        topic("pose3d", "main") + json.dumps({**good, "news": 0}).replace('"news": 0', '"news": 1e999').encode(),
        *(topic("status", "main") + msgpack.packb({**status, **change}) for change in (
            {"fps": float("nan")}, {"seq": "abc"}, {"seq": [1]}, {"t_publish_ns": -5}, {"t_publish_ns": "x"}, {b"": 1},
            {"a": b""}, {"a": msgpack.Timestamp(0)},
        )),
    ]  # fmt: skip
    results: list[RecordSummary] = []
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        port = publisher.bind_to_random_port("tcp://127.0.0.1")
        recorder = threading.Thread(
            target=lambda: results.append(record(f"tcp://127.0.0.1:{port}", path, frames=2, stop=stop, ready=ready.set))
        )
        recorder.start()
        assert ready.wait(WAIT_S)
        until(path.exists, lambda: publisher.send(topic("pose3d", "main") + msgpack.packb(good)))
        for message in damaged:
            publisher.send(message)
        until(lambda: not recorder.is_alive(), lambda: publisher.send(topic("pose3d", "main") + msgpack.packb(good)))
        publisher.close(linger=0)
    assert results[0].poses == 2
    assert "not recorded" in caplog.text


def test_a_recorder_that_gets_no_frame_leaves_what_was_there(tmp_path: Path) -> None:
    old, new = take_of(tmp_path / "old.mcap", 3), tmp_path / "new.mcap"
    before = old.read_bytes()
    with Publisher(LOOPBACK, None) as publisher:  # its status alone
        for address in ("tcp://127.0.0.1:9", publisher.address):
            assert record(address, old, seconds=1.5, overwrite=True).frames == 0
            assert record(address, new, seconds=0.1).frames == 0
    assert old.read_bytes() == before
    assert not new.exists()
