"""How many workers the load asks for."""

from __future__ import annotations

import pytest

from realtime.fleet.wanted import workers_wanted


@pytest.mark.parametrize(
    ("workers", "wanted"),
    [
        ([], 1),
        ([(0, 16, 0.0)], 1),
        ([(12, 16, 0.1)], 1),
        ([(13, 16, 0.1)], 2),  # by places
        ([(4, 16, 0.75)], 2),  # by time at work
        ([(1, 16, 0.1), (1, 16, 0.1), (1, 16, 0.1)], 1),
        ([(16, 16, 0.9), (16, 16, 0.9)], 3),
    ],
)
def test_by_places_and_by_time_whichever_asks_for_more(
    workers: list[tuple[int, int, float]], wanted: int
) -> None:  # fmt: skip
    told = [{"streams": streams, "limit": limit, "busy": busy} for streams, limit, busy in workers]
    assert workers_wanted(told) == wanted
