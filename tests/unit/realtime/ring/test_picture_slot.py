"""The newest picture, whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from realtime.ring.picture_slot import WIDTH_PX, PictureSlot
from realtime.ring.segment import directory


@pytest.fixture
def ends() -> Iterator[tuple[PictureSlot, PictureSlot]]:
    """The writer's and the reader's."""
    name = f"picture-{uuid.uuid4().hex[:12]}"
    with PictureSlot.create(name) as writer, PictureSlot.attach(name) as reader:
        yield writer, reader
        writer.unlink()
    assert not [path for path in directory().iterdir() if name in path.name]


def plain(level: int, size_wh: tuple[int, int] = (320, 240)) -> np.ndarray:
    return np.full((size_wh[1], size_wh[0], 3), level, np.uint8)


def test_the_newest_picture_is_read_once(ends: tuple[PictureSlot, PictureSlot]) -> None:
    writer, reader = ends
    assert reader.read() is None
    for frame_id, level in ((3, 40), (4, 90), (6, 200)):
        writer.write(frame_id, plain(level))
    found = reader.read()
    assert found is not None
    assert found[0] == 6
    assert found[1].shape == (240, 320, 3)
    assert abs(int(found[1].mean()) - 200) <= 2
    assert reader.read() is None


def test_large_pictures_are_made_small(ends: tuple[PictureSlot, PictureSlot]) -> None:
    writer, reader = ends
    writer.write(1, plain(10, (3840, 2160)))
    found = reader.read()
    assert found is not None
    assert found[1].shape == (WIDTH_PX * 9 // 16, WIDTH_PX, 3)


def test_a_picture_that_is_being_written_or_damaged_is_not_there(ends: tuple[PictureSlot, PictureSlot]) -> None:
    writer, reader = ends
    writer.write(1, plain(10))
    start = PictureSlot._start(1)
    writer._memory[start + 40] ^= 0xFF
    assert reader.read() is None
    writer._memory[start + 40] ^= 0xFF
    writer._memory[start : start + 8] = bytes(8)
    assert reader.read() is None
    writer.write(2, plain(50))
    found = reader.read()
    assert found is not None
    assert found[0] == 2
