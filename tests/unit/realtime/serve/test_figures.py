"""What a server counts."""

from __future__ import annotations

from realtime.clock import NS_PER_S
from realtime.serve.figures import BOUNDS_MS, Figures


def test_being_busy_is_the_part_of_the_time_at_work() -> None:
    figures = Figures(0)
    for tenth in range(1, 200):
        end_ns = tenth * NS_PER_S // 10
        figures.worked(end_ns - 3 * NS_PER_S // 100, end_ns)
    assert abs(figures.busy - 0.3) < 0.01


def test_latencies_fall_into_their_buckets() -> None:
    figures = Figures(0)
    for added_ms in (1.0, 2.0, 2.1, 15.0, 900.0):
        figures.published(added_ms)
    counts = dict(zip(BOUNDS_MS, figures.buckets, strict=False))
    assert (counts[2], counts[5], counts[15], figures.buckets[-1], figures.frames) == (2, 1, 1, 1, 5)
