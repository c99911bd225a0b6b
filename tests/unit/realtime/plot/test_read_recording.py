"""Takes and files of poses as people over time: whose rows, at what time, in which axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lifted_poses import lifted_poses, write_lifted
from takes import FRAME_NS, START_NS, pose_at, take_of

from engines.errors import UserError
from realtime.bench.known_poses import known_frame, known_joints, known_keypoints
from realtime.plot.read_recording import read_recording
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_keypoints, encode_pose
from realtime.wire.framing import decode_map, split


def test_every_person_of_a_take_has_the_rows_that_were_recorded(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "two.mcap") as take:
        for index in range(40):
            take.add(recorded(index, persons=2 if index >= 10 else 1))
    recording = read_recording(tmp_path / "two.mcap")
    first, second = recording.tracks
    assert (first.id, first.name, first.seen) == (0, "person 0", 40)
    assert (second.id, second.name, second.seen) == (1, "person 1", 30)
    assert recording.space == "camera"
    np.testing.assert_array_equal(first.joints_m[7], known_joints(7))
    np.testing.assert_array_equal(second.joints_m[0], known_joints(1010))
    np.testing.assert_allclose(second.t_s, np.arange(10, 40) * FRAME_NS / 1e9, atol=1e-9)
    assert recording.latency_ms is not None
    np.testing.assert_allclose(recording.latency_ms, 40)


def test_time_is_the_sources_own_where_its_keypoints_were_recorded(tmp_path: Path) -> None:
    """A clip of 30 frames a second that was worked on three times too fast; the last frame's keypoints are missing."""
    with TakeWriter(tmp_path / "fast.mcap") as take:
        for index in range(30):
            at_ns = START_NS + index * FRAME_NS // 3
            take.add(recorded(index, at_ns=at_ns))
            if index < 29:
                take.add(keypoints(index, at_ns))
    (person,) = read_recording(tmp_path / "fast.mcap").tracks
    np.testing.assert_allclose(np.diff(person.t_s)[:-1], 1 / 30, rtol=1e-6)
    assert np.diff(person.t_s)[-1] == pytest.approx(1 / 90, rel=1e-6)


def test_a_clock_that_steps_back_does_not_turn_time_round(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "back.mcap") as take:
        for index in range(20):
            take.add(recorded(index, at_ns=START_NS + index * FRAME_NS - (10**12 if index >= 10 else 0)))
    (person,) = read_recording(tmp_path / "back.mcap").tracks
    assert (np.diff(person.t_s) > 0).all()
    assert np.isnan(person.joints_m[10]).all()  # a break between the two
    assert person.seen == 20


def test_the_same_number_of_another_session_is_another_person(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "again.mcap") as take:
        for session in ("a", "b"):
            for index in range(10):
                take.add(recorded(index, session=session))
    tracks = read_recording(tmp_path / "again.mcap").tracks
    assert [track.name for track in tracks] == ["person 0, session 1", "person 0, session 2"]
    assert tracks[1].t_s[0] > tracks[0].t_s[-1]


def test_poses_in_other_axes_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A floor that was found while the stream ran."""
    with TakeWriter(tmp_path / "floor.mcap") as take:
        for index in range(30):
            pose = recorded(index)
            pose.fields["space"] = "world" if index >= 10 else "camera"
            take.add(pose)
    recording = read_recording(tmp_path / "floor.mcap")
    assert recording.space == "world"
    assert recording.tracks[0].seen == 20
    assert "10 poses of" in caplog.text


def test_of_several_streams_one_is_chosen(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "both.mcap") as take:
        for index in range(4):
            take.add(pose_at(index, "left"))
            take.add(pose_at(index, "right"))
    with pytest.raises(UserError, match="holds the streams left, right: choose one with --stream"):
        read_recording(tmp_path / "both.mcap")
    with pytest.raises(UserError, match="holds no stream top: choose one of left, right"):
        read_recording(tmp_path / "both.mcap", "top")
    assert read_recording(tmp_path / "both.mcap", "left").about.startswith("stream left, m on e, camera space")


def test_poses_of_a_file_are_those_that_lift_wrote(tmp_path: Path) -> None:
    frames = 12
    held = np.arange(frames) >= 9
    lifted = lifted_poses(
        np.stack([known_joints(i) for i in range(frames)]), np.zeros((frames, 3), np.float32),
        np.full((frames, 17), 0.02, np.float32), np.ones(frames, np.float32), held, 5 + np.arange(frames) / 30, 2, "m",
        "e", "stream",
    )  # fmt: skip
    write_lifted(lifted, tmp_path / "poses.npz")
    recording = read_recording(tmp_path / "poses.npz")
    (person,) = recording.tracks
    assert (person.seen, recording.latency_ms, recording.space) == (9, None, "camera")
    np.testing.assert_allclose(person.t_s, np.arange(frames) / 30, atol=1e-9)
    np.testing.assert_array_equal(person.joints_m[3], known_joints(3))
    with pytest.raises(UserError, match="has no streams: leave out --stream main"):
        read_recording(tmp_path / "poses.npz", "main")


@pytest.mark.parametrize("name", ["walk.mp4", "take"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is neither a take"):
        read_recording(Path(name))


def test_a_take_without_poses_is_refused(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "points.mcap") as take:
        take.add(keypoints(0, START_NS))
    with pytest.raises(UserError, match="holds no poses: record a stream that publishes them"):
        read_recording(tmp_path / "points.mcap")
    take_of(tmp_path / "take.mcap", 3)
    assert len(read_recording(tmp_path / "take.mcap").tracks) == 1


def recorded(index: int, *, persons: int = 1, session: str = "s", at_ns: int | None = None) -> Recorded:
    at_ns = START_NS + index * FRAME_NS if at_ns is None else at_ns
    raw = encode_pose(
        known_frame(index, persons), stream="main", session=session, seq=index, t_capture_ns=at_ns,
        t_publish_ns=at_ns + 40_000_000, engine="e", model="m",
    )  # fmt: skip
    fields = decode_map(split(raw)[2])
    del fields["source_ns"]  # as from a publisher of before: the keypoints alone tell it
    return Recorded("pose3d", "main", at_ns, fields)


def keypoints(index: int, at_ns: int) -> Recorded:
    raw = encode_keypoints(known_keypoints(index), stream="main", session="s", seq=index, t_capture_ns=at_ns,
                           t_detect_ns=at_ns, t_publish_ns=at_ns)  # fmt: skip
    return Recorded("keypoints2d", "main", at_ns, decode_map(split(raw)[2]))
