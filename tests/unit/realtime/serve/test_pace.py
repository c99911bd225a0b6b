"""How much a stream may ask for."""

from __future__ import annotations

from realtime.clock import NS_PER_S
from realtime.serve.pace import Pace


def taken(fps: float, source_fps: float, steps_per_s: float = 60.0, seconds: int = 10) -> int:
    """Frames taken of a stream that sends `fps`, each `1 / source_fps` later on its own clock."""
    pace = Pace(steps_per_s, 0)
    times = range(round(seconds * fps))
    return sum(pace.takes(round(i * NS_PER_S / source_fps), round(i * NS_PER_S / fps)) for i in times)


def test_cameras_of_usual_rates_are_taken_whole() -> None:
    for fps in (5.0, 29.97, 30.0, 60.0):
        assert taken(fps, fps) == round(10 * fps)


def test_a_flood_is_taken_at_the_rate_that_is_allowed() -> None:
    assert 600 <= taken(1000.0, 1000.0) <= 661


def test_a_source_whose_time_runs_fast_asks_for_as_much_work_and_is_held_back() -> None:
    """30 frames a second that claim to be 0.4 s apart make the model step twelve times each."""
    assert 12 * taken(30.0, 2.5) <= 2 * 660
    assert 8 * taken(30.0, 1.0) <= 660  # each so late that the model begins anew
