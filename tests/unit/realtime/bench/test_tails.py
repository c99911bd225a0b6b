"""What `realtime bench tails` makes of the frames' notes."""

from __future__ import annotations

import pytest

from engines.errors import UserError
from realtime.bench.step.watched_lifter import FrameNote
from realtime.bench.tails import summary


def note(wake_ms: float, work_ms: float, processor_ms: float) -> FrameNote:
    return FrameNote(wake_ms, work_ms, processor_ms, garbage_ms=0.0, page_faults=2, pushed_off=1, waited=0)


def test_the_slowest_frames_are_told_apart_from_the_usual() -> None:
    found = summary([*(note(0.5, 1.5, 1.5) for _ in range(98)), note(0.5, 9.5, 2.0), note(8.5, 11.5, 2.0)])
    assert (found["frames"], found["p50_ms"], found["p99_ms"]) == (100, 2.0, 20.0)
    assert found["usual"] | {"page_faults": 2} == found["usual"]
    assert (found["usual"]["wake_ms"], found["usual"]["off_ms"]) == (0.5, 0.0)
    assert (found["slowest"]["wake_ms"], found["slowest"]["off_ms"]) == (4.5, 8.5)


def test_a_clock_that_counts_more_than_passed_is_no_time_off() -> None:
    assert note(0.0, 1.0, 1.25).off_ms == 0.0


def test_nothing_to_sum_up_is_said() -> None:
    with pytest.raises(UserError, match="give more --frames"):
        summary([])
