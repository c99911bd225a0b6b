"""The source's picture beside the pose is that of the same moment, with its keypoints where they were seen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.ring.picture_slot import PictureSlot
from realtime.server.publish import Publisher
from realtime.sources.open_source import open_source
from realtime.view.keypoints_feed import KeypointsFeed
from realtime.view.open_output import open_writer
from realtime.view.source_picture import FilePictures, SlotPictures, SourcePicture
from realtime.wire.messages import PoseMessage

SIZE = (160, 120)
FRAMES, STEP_NS = 20, 40_000_000


def message(frame_id: int, source_ns: int | None = None, session: str = "s") -> PoseMessage:
    at_ns = frame_id * STEP_NS if source_ns is None else source_ns
    return PoseMessage("main", session, frame_id, frame_id, at_ns, at_ns, SIZE, "camera", "assumed", "h36m-17", "", "e",
                       "m", 0, 0, (), source_ns=at_ns)  # fmt: skip


def plain(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Each frame a little brighter than the one before."""
    with open_writer(tmp_path / "clip.mp4", SIZE) as writer:
        for index in range(FRAMES):
            writer.write(plain(10 * index + 20), index * STEP_NS / 1e9)
    return tmp_path / "clip.mp4"


def test_every_frame_of_a_file_has_its_own_picture(clip: Path) -> None:
    pictures = FilePictures(open_source(str(clip), max_speed=True))
    for frame_id in (0, 1, 5, 6, 19):  # some messages may be lost
        found = pictures.of(message(frame_id))
        assert found is not None
        assert found[0] == frame_id
        assert found[1].mean() == pytest.approx(10 * frame_id + 20, abs=3)
    assert pictures.of(message(25)) is None  # behind the end
    pictures.close()


def test_another_time_is_another_picture(clip: Path) -> None:
    """As after the file was opened again, and its frames are counted on."""
    pictures = FilePictures(open_source(str(clip), max_speed=True))
    assert pictures.of(message(3, source_ns=10**10)) is None
    assert pictures.of(message(4)) is not None
    pictures.close()


@pytest.fixture
def slots() -> Iterator[tuple[PictureSlot, SlotPictures]]:
    name = f"picture-{uuid.uuid4().hex[:12]}"
    with PictureSlot.create(name) as writer:
        pictures = SlotPictures(PictureSlot.attach(name))
        yield writer, pictures
        pictures.close()
        writer.unlink()


def test_a_window_sees_the_newest_picture_that_is_not_of_later(slots: tuple[PictureSlot, SlotPictures]) -> None:
    writer, pictures = slots
    assert pictures.of(message(0)) is None
    for frame_id in (3, 6):
        writer.write(frame_id, plain(30 * frame_id))
        pictures.of(message(0))
    found = pictures.of(message(5))
    assert found is not None
    assert (found[0], found[2]) == (3, 1.0)
    found = pictures.of(message(9))
    assert found is not None
    assert found[0] == 6


def test_keypoints_are_drawn_where_they_were_seen(slots: tuple[PictureSlot, SlotPictures]) -> None:
    writer, pictures = slots
    xy_px = np.full((17, 2), np.nan, np.float32)
    xy_px[3], xy_px[6] = (40, 100), (120, 100)
    score = np.ones(17, np.float32)
    score[6] = 0.05
    with Publisher("tcp://127.0.0.1:0", rpc_address=None) as publisher:
        feed = KeypointsFeed(publisher.address, "main")
        keypoints = Keypoints2D(Stamp(7, 1, 1), SIZE, (Person2D(0, xy_px, score),), 2, 0)
        with SourcePicture(pictures, feed, wait_s=20.0) as source:
            found = None
            while found is None:  # until the feed is connected
                publisher.send_keypoints(keypoints)
                found = feed.of(publisher.session, 7, 0.05)
            writer.write(7, plain(0))
            picture = source.at(message(7, session=publisher.session))
    assert picture is not None
    assert picture[100, 40].min() > 150
    assert picture[100, 120].max() < 50  # hardly seen: left out
