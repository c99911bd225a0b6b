"""Recordings: what was published is in them, also after a kill, and what is damaged costs no more than itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq
from mcap.exceptions import McapError
from mcap.reader import make_reader
from takes import pose_at, take_of
from waiting import WAIT_S, until

from engines.errors import UserError
from realtime.bench.known_poses import known_frame, known_joints, known_keypoints
from realtime.clock import monotonic_ns, unix_ns
from realtime.server.publish import Publisher
from realtime.takes.record import RecordSummary, record
from realtime.takes.replay import replay
from realtime.takes.take import TakeWriter, copy_take, read_take
from realtime.wire.framing import topic

LOOPBACK = "tcp://127.0.0.1:*"


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
        "import sys; from pathlib import Path; from realtime.takes.record import record;"
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
            take.add(pose_at(i))
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


def test_damaged_messages_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, stop, ready = tmp_path / "take.mcap", threading.Event(), threading.Event()
    good = pose_at(0).fields
    status = {"v": 1, "session": "s", "stream": "main", "state": "", "seq": 0, "t_publish_ns": 0}
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
    assert (results[0].poses, results[0].invalid) == (2, len(damaged))
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
