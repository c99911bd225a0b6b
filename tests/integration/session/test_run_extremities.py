"""Heels, toes and knuckles from the detector to a take and out of it again, with everything real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from run_process import RunProcess

from realtime.assets.fetch import fetch
from realtime.files.lift_file import lift_file
from realtime.files.poses_file import read_poses
from realtime.files.read_source import Told
from realtime.takes.poses import take_poses
from realtime.takes.record import record
from realtime.takes.replay import _keypoints_frame, _pose_frame
from realtime.takes.take import read_take
from realtime.wire.decode import keypoints_message, pose_message

ANKLES, WRISTS = [3, 3, 6, 6], [16, 16, 16, 13, 13, 13]


def test_feet_and_hands_are_in_the_stream_in_a_take_of_it_and_in_its_replay(tmp_path: Path) -> None:
    take = tmp_path / "take.mcap"
    with RunProcess("--source", str(fetch("demo")), "--loop", "--no-view", "--feet", "--hands") as run:
        run.wait_for("producer ready")
        record(run.address, take, frames=40, seconds=80)
        run.interrupt()
        run.finish()
    persons = [person for message in take_poses(take) for person in message.persons if np.isfinite(person.root_m).all()]
    assert persons
    for person in persons:
        assert person.feet_m is not None
        assert person.feet_sigma_m is not None
        away_m = np.linalg.norm(person.feet_m - person.joints_m[ANKLES], axis=1)
        assert (away_m < 0.4).all()
        assert (away_m[1::2] > 0.02).all(), "of toes; a heel that is seen may lie under its ankle"
        assert person.hands_m is not None
        assert person.hands_sigma_m is not None
        seen = np.isfinite(person.hands_sigma_m)
        assert (np.isfinite(person.hands_m).all(1) == seen).all()
        assert (np.linalg.norm(person.hands_m - person.joints_m[WRISTS], axis=1)[seen] < 0.3).all()
    assert any(person.hands_m is not None and np.isfinite(person.hands_m).any() for person in persons)
    looked_at = 0
    for recorded in read_take(take):
        if recorded.kind == "keypoints2d" and recorded.fields["persons"]:
            message = keypoints_message(recorded.stream, recorded.fields)
            again = _keypoints_frame(message).persons[0]
            np.testing.assert_array_equal(again.feet, message.persons[0].feet)
            np.testing.assert_array_equal(again.hands, message.persons[0].hands)
            assert again.feet is not None
            assert again.hands is not None
            looked_at += 1
        if recorded.kind == "pose3d" and recorded.fields["persons"]:
            sent = pose_message(recorded.stream, recorded.fields)
            again_posed = _pose_frame(sent).persons[0]
            np.testing.assert_array_equal(again_posed.feet_m, sent.persons[0].feet_m)
            np.testing.assert_array_equal(again_posed.hands_m, sent.persons[0].hands_m)
    assert looked_at


def test_a_lifted_video_has_feet_and_hands_where_they_are_wanted(tmp_path: Path) -> None:
    source = fetch("demo")
    plain = lift_file(source, tmp_path / "plain.npz", told=Told())
    poses = lift_file(source, tmp_path / "more.npz", told=Told(feet=True, hands=True))
    assert plain.feet_m is plain.hands_m is None
    np.testing.assert_array_equal(poses.joints_m, plain.joints_m)
    read = read_poses(tmp_path / "more.npz")
    assert read.feet_m is not None
    assert read.hands_m is not None
    found = ~read.held
    away_m = np.linalg.norm(read.feet_m[found] - read.joints_m[found][:, ANKLES], axis=-1)
    assert (away_m < 0.4).all()
    assert (away_m[:, 1::2] > 0.02).all()
    away_m = np.linalg.norm(read.hands_m[found] - read.joints_m[found][:, WRISTS], axis=-1)
    assert (np.isfinite(away_m).mean(0) > 0.3).all()
    assert (away_m[np.isfinite(away_m)] < 0.3).all()
