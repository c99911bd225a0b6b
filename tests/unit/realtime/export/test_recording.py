"""What is read of takes and lifted files: who, when, and where nobody was seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from figures import in_camera, take_of_people, walk
from lifted_poses import lifted_poses, write_lifted
from takes import take_of

from engines.errors import UserError
from realtime.export.recording import read_tracks
from realtime.takes.take import TakeWriter

PEOPLE = {3: in_camera(walk(40)), 7: in_camera(walk(40, 1.0), 6.0)}


def test_people_are_read_with_their_gaps(tmp_path: Path) -> None:
    changes = {
        (3, 10): {"held": True}, (3, 11): {"held": True}, (3, 20): {"root_m": np.full(3, np.nan, np.float32)},
        (3, 30): {"unseen": (3, 6)}, **{(7, frame): None for frame in (*range(5), 15, *range(33, 40))},
    }  # fmt: skip
    first, second = read_tracks(take_of_people(tmp_path / "take.mcap", PEOPLE, changes=changes))
    assert (first.person, second.person, first.space) == ("3", "7", "camera")
    assert np.flatnonzero(first.gap).tolist() == [10, 11, 20]
    assert np.argwhere(first.unseen[30]).ravel().tolist() == [3, 6]
    assert first.unseen[[10, 20]].all()
    there = ~first.gap
    np.testing.assert_allclose(first.joints_m[there], PEOPLE[3][there], atol=1e-5)
    np.testing.assert_allclose(first.t_s, np.arange(40) / 30, atol=1e-6)
    assert len(second.t_s) == 28
    assert np.flatnonzero(second.gap).tolist() == [10]
    np.testing.assert_allclose(second.t_s[0], 5 / 30, atol=1e-6)


def test_times_are_the_sources_own_where_keypoints_tell_them(tmp_path: Path) -> None:
    source_ns = np.cumsum(np.full(40, 50_000_000))
    (track,) = read_tracks(take_of_people(tmp_path / "take.mcap", {3: PEOPLE[3]}, source_ns=source_ns))
    np.testing.assert_allclose(track.t_s, np.arange(40) / 20, atol=1e-9)


def test_a_pose_that_lags_is_of_earlier(tmp_path: Path) -> None:
    changes = {(3, frame): {"lag_frames": 6} for frame in range(40)}
    (track,) = read_tracks(take_of_people(tmp_path / "take.mcap", {3: PEOPLE[3]}, changes=changes))
    assert track.t_s[0] == pytest.approx(-0.2)


def test_time_that_steps_back_ends_the_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source_ns = np.concatenate((np.arange(25), np.arange(15))) * 40_000_000
    (track,) = read_tracks(take_of_people(tmp_path / "take.mcap", {3: PEOPLE[3]}, source_ns=source_ns))
    assert len(track.t_s) == 25
    assert "time steps back" in caplog.text


def test_the_same_id_in_another_session_is_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "take.mcap"
    with TakeWriter(path, live=False) as take:
        for session in ("one", "two"):
            take_of_people(path, {3: PEOPLE[3]}, session=session, writer=take)
    tracks = read_tracks(path)
    assert [track.person for track in tracks] == ["3", "3-2"]
    assert tracks[1].t_s[0] > tracks[0].t_s[-1]
    assert read_tracks(path, person="3-2")[0].t_s[0] == tracks[1].t_s[0]


def test_what_cannot_be_exported_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "two.mcap"
    with TakeWriter(path, live=False) as take:
        for stream in ("left", "right"):
            take_of_people(path, {3: PEOPLE[3]}, stream=stream, writer=take)
    assert len(read_tracks(path, "left")) == 1
    with pytest.raises(UserError, match="left, right: choose one with --stream"):
        read_tracks(path)
    with pytest.raises(UserError, match="no person 5: choose one of 3"):
        read_tracks(path, "left", "5")
    with pytest.raises(UserError, match="holds no stream middle"):
        read_tracks(path, "middle")
    empty = take_of_people(tmp_path / "empty.mcap", {3: PEOPLE[3]}, changes={(3, i): None for i in range(40)})
    with pytest.raises(UserError, match="no poses of somebody whose place is known"):
        read_tracks(empty)
    for name, content in (("a.npz", b"none"), ("b.mcap", b"none at all")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            read_tracks(tmp_path / name)
    np.savez(tmp_path / "keypoints.npz", keypoints_px=np.zeros((3, 17, 2)), fps=30)
    with pytest.raises(UserError, match="not its keypoints"):
        read_tracks(tmp_path / "keypoints.npz")
    with pytest.raises(UserError, match="cannot read"):
        read_tracks(tmp_path / "missing.npz")
    with pytest.raises(UserError, match="no streams"):
        read_tracks(tmp_path / "keypoints.npz", "main")


def test_a_lifted_file_is_one_person(tmp_path: Path) -> None:
    joints = PEOPLE[3].astype(np.float32)
    root, held = joints[:, 0].copy(), np.zeros(40, bool)
    held[5:8] = True
    root[:2] = np.nan
    lifted = lifted_poses(
        joints - joints[:, :1], root, np.full((40, 17), 0.02, np.float32), np.ones(40, np.float32), held,
        10 + np.arange(40) / 25, 0, "m", "e", "stream",
    )  # fmt: skip
    write_lifted(lifted, tmp_path / "lifted.npz")
    (track,) = read_tracks(tmp_path / "lifted.npz")
    assert np.flatnonzero(track.gap).tolist() == [0, 1, 5, 6, 7]
    np.testing.assert_allclose(track.t_s, np.arange(40) / 25, atol=1e-9)
    np.testing.assert_allclose(track.joints_m[~track.gap], joints[~track.gap], atol=1e-6)


def test_a_take_of_any_joints_is_read(tmp_path: Path) -> None:
    (track,) = read_tracks(take_of(tmp_path / "take.mcap", 12))
    assert track.joints_m.shape == (12, 17, 3)
