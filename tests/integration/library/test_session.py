"""A live session as a context manager, and recordings lifted to what it publishes, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import realtime
from engines.errors import UserError
from realtime.assets.fetch import fetch
from realtime.files.lift_file import lift_file
from realtime.wire.messages import PoseMessage

FRAMES = 60


@pytest.fixture(scope="module")
def clip() -> Path:
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    return shared if shared.exists() else fetch("demo")


@pytest.fixture(scope="module")
def messages(clip: Path) -> list[PoseMessage]:
    with realtime.run(str(clip), max_speed=True, frames=FRAMES) as session:
        return list(session)


def test_a_session_yields_messages_until_the_source_ends(messages: list[PoseMessage]) -> None:
    assert [message.frame_id for message in messages] == list(range(FRAMES))
    assert any(message.persons for message in messages)


def test_a_lifted_video_has_the_poses_that_were_published(
    messages: list[PoseMessage], clip: Path, tmp_path: Path
) -> None:
    if clip.stem != "tfjs_pose_1":
        pytest.skip("needs ../shared/videos/tfjs_pose_1.mp4: one person, found from the first frame to the last")
    poses = lift_file(clip, tmp_path / "poses.npz")
    compared = 0
    for message in messages:
        for person in message.persons:
            if not person.held and message.floor == "none":  # a learned floor is the stream's own
                for name in ("joints_m", "root_m", "sigma_m"):
                    np.testing.assert_array_equal(getattr(poses, name)[message.frame_id], getattr(person, name))
                compared += 1
    assert compared > FRAMES // 2


def test_leaving_early_ends_the_session(clip: Path) -> None:
    with realtime.run(str(clip), loop=True) as session:
        assert next(iter(session)).persons is not None
        process = session._process
    assert process.returncode == 0


def test_what_ends_a_session_is_raised_where_it_is_read() -> None:
    with realtime.run("nofile.mp4") as session, pytest.raises(UserError, match=r"no file .*nofile\.mp4"):
        list(session)
