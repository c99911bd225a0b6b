"""Recorded keypoints lifted anew: the same poses, bit for bit, every time; the live code is the replayed code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from realtime import subscribe
from realtime.bench.known_poses import known_keypoints
from realtime.config import PlaceConfig
from realtime.pipeline.confirm import CONFIRM_FRAMES
from realtime.pipeline.pose_frame import Lift
from realtime.server.publish import Publisher
from realtime.takes.replay import LiftOptions, relift, replay
from realtime.takes.take import Recorded, TakeWriter, read_take
from realtime.wire.decode import pose_message
from realtime.wire.encode import encode_keypoints
from realtime.wire.framing import decode_map, split

FRAMES = 60
START_NS = 1_767_225_600_000_000_000


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("take") / "keypoints.mcap"
    with TakeWriter(path) as writer:
        for i in range(FRAMES):
            at_ns = START_NS + i * 33_333_333
            raw = encode_keypoints(
                known_keypoints(i), stream="main", session="s", seq=i, t_capture_ns=at_ns,
                t_detect_ns=at_ns + 1, t_publish_ns=at_ns + 2,
            )  # fmt: skip
            writer.add(Recorded("keypoints2d", "main", at_ns + 3, decode_map(split(raw)[2])))
    return path


def test_two_replays_are_bit_identical(take: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.mcap", tmp_path / "b.mcap"]
    assert relift(take, files[0], LiftOptions()) == FRAMES
    subprocess.run(
        [sys.executable, "-m", "realtime.cli", "replay", str(take), "--lift", "-o", str(files[1])],
        check=True, timeout=120,
    )
    assert files[0].read_bytes() == files[1].read_bytes()
    poses = [pose_message(recorded.stream, recorded.fields) for recorded in read_take(files[0])]
    assert [pose.seq for pose in poses] == list(range(FRAMES))
    assert [len(pose.persons) for pose in poses] == [0] * (CONFIRM_FRAMES - 1) + [1] * (FRAMES - CONFIRM_FRAMES + 1)
    assert all(person.held == (pose.seq % 10 == 9) for pose in poses for person in pose.persons)


def test_the_poses_are_those_of_the_live_code(take: Path, tmp_path: Path) -> None:
    relift(take, tmp_path / "a.mcap", LiftOptions())
    poses = [pose_message(recorded.stream, recorded.fields) for recorded in read_take(tmp_path / "a.mcap")]
    with load_lifter() as lifter:
        lift = Lift(lifter, PlaceConfig(), str(take), 1)
        for i, pose in enumerate(poses):
            live = lift(known_keypoints(i))
            assert (pose.engine, pose.model) == (lifter.engine, lifter.name)
            for ours, theirs in zip(pose.persons, live.persons, strict=True):
                np.testing.assert_array_equal(ours.joints_m, theirs.joints_m)
                np.testing.assert_array_equal(ours.root_m, theirs.root_m)
                np.testing.assert_array_equal(ours.sigma_m, theirs.sigma_m)


def test_no_more_people_are_held_than_were_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "two.mcap"
    with TakeWriter(path) as writer:
        for i in (*range(9), 10, 11):  # a person whom the tracker gives a new number
            keypoints = known_keypoints(i)
            person = replace(keypoints.persons[0], track_id=int(i > 4))
            raw = encode_keypoints(
                replace(keypoints, persons=(person,)), stream="main", session="s", seq=i, t_capture_ns=1,
                t_detect_ns=1, t_publish_ns=1,
            )  # fmt: skip
            writer.add(Recorded("keypoints2d", "main", 1, decode_map(split(raw)[2])))
    for people, expected in ((1, [0] * 4 + [1] * 7), (2, [0] * 4 + [1] * 5 + [2] * 2)):
        relift(path, tmp_path / f"{people}.mcap", LiftOptions(people=people))
        assert [len(recorded.fields["persons"]) for recorded in read_take(tmp_path / f"{people}.mcap")] == expected


def test_a_lifted_replay_publishes_new_poses(take: Path) -> None:
    with Publisher("tcp://127.0.0.1:*", None) as publisher, subscribe(publisher.address, timeout_s=60) as subscriber:
        sent = 0
        while subscriber.latest() is None:  # until the subscription is in place
            sent += replay(take, publisher, speed=0, lift=LiftOptions())
        assert sent % (2 * FRAMES) == 0  # keypoints and poses
        assert subscriber.latest().persons


def test_a_take_without_keypoints_says_so(take: Path, tmp_path: Path) -> None:
    poses = tmp_path / "poses.mcap"
    relift(take, poses, LiftOptions())
    with pytest.raises(UserError, match="no keypoints to lift"):
        relift(poses, tmp_path / "again.mcap", LiftOptions())
    (tmp_path / "again.mcap").write_bytes(b"mine")
    with pytest.raises(UserError, match="--overwrite"):
        relift(take, tmp_path / "again.mcap", LiftOptions())
    with pytest.raises(UserError, match="no keypoints to lift"):
        relift(poses, tmp_path / "again.mcap", LiftOptions(), overwrite=True)
    assert (tmp_path / "again.mcap").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mcap", "poses.mcap"]


def test_a_take_that_is_not_there_is_named_before_a_busy_port(tmp_path: Path) -> None:
    with Publisher("tcp://127.0.0.1:*", None) as busy:
        command = [sys.executable, "-m", "realtime.cli", "replay", "nofile.mcap", "--address", busy.address]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "nofile.mcap" in done.stderr
