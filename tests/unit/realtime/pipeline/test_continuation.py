from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.pipeline.producer_process import Continuation
from realtime.process.doorbell import Doorbell
from realtime.ring.ring import Ring
from realtime.sources.source import Frame, Source

IMAGE = np.zeros((48, 64, 3), np.uint8)


def person(track_id: int) -> Person2D:
    return Person2D(track_id, np.zeros((17, 2), np.float32), np.ones(17, np.float32))


def source(live: bool) -> Source:
    """It has lost five frames before anybody asked."""
    return cast(Any, SimpleNamespace(live=live, dropped=5))


@pytest.mark.parametrize("live", [False, True])
def test_the_first_producer_changes_nothing(live: bool) -> None:
    with Ring.create(f"test-{uuid.uuid4().hex}", slots=8) as ring:
        camera = source(live)
        going_on = Continuation(ring, camera)
        ring.unlink()
    camera.dropped += 2
    frame = going_on.stamp(Frame(Stamp(3, 50, 70), IMAGE))
    keypoints = going_on.keypoints(frame, (person(0),))
    assert keypoints.stamp == Stamp(3, 50, 70)
    assert (keypoints.persons[0].track_id, keypoints.dropped, keypoints.image_wh) == (0, 2, (64, 48))


@pytest.mark.parametrize("live", [False, True])
def test_the_next_producer_counts_on(live: bool) -> None:
    with Ring.create(f"test-{uuid.uuid4().hex}", slots=8) as ring:
        for frame_id, track_id in ((10, 7), (11, 4)):
            ring.write(Keypoints2D(Stamp(frame_id, 1000, 5000), (64, 48), (person(track_id),), 0, 30))
        camera = source(live)
        going_on = Continuation(ring, camera)
        ring.unlink()
    camera.dropped += 2
    frame = going_on.stamp(Frame(Stamp(0, 2000, 100), IMAGE))
    keypoints = going_on.keypoints(frame, (person(0),))
    assert keypoints.stamp.frame_id == 12
    assert keypoints.persons[0].track_id == 8, "ids never come back"
    assert keypoints.dropped == 32
    if live:
        assert keypoints.stamp.source_ns == 100, "the clock of all processes"
    else:
        assert keypoints.stamp.source_ns > 5000, "the timeline goes on, with a gap"


def test_a_doorbell_remembers_rings_and_never_blocks() -> None:
    doorbell = Doorbell()
    try:
        assert not doorbell.wait(0)
        for _ in range(100_000):  # far more than the sockets hold
            doorbell.ring()
        assert doorbell.wait(0)
        while doorbell.wait(0):
            pass
        doorbell.ring()
        assert doorbell.wait(5)
    finally:
        doorbell.close()
