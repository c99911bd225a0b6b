"""One state for the stream, of those of its processes."""

from __future__ import annotations

import pytest

from realtime.pipeline.stream_state import stream_state
from realtime.process.board import Condition


def states(**told: str) -> dict[str, Condition]:
    return {name: Condition(state, 1000 + number, f"{name} is {state}") for number, (name, state) in
            enumerate(told.items())}  # fmt: skip


@pytest.mark.parametrize(
    ("producer", "lifter", "published", "state", "why"),
    [
        ("running", "running", True, "running", ""),
        ("running", "running", False, "starting", ""),
        ("frozen", "running", True, "frozen", "producer is frozen"),
        ("running", "degraded", True, "degraded", "lifter is degraded"),
        ("restarting", "degraded", True, "restarting", "producer is restarting"),
        ("reconnecting", "running", False, "reconnecting", "producer is reconnecting"),
        ("stopped", "running", True, "running", ""),
        ("stopped", "stopped", True, "stopped", ""),
    ],
)
def test_the_stream_is_as_the_worst_in_the_way_of_a_pose(
    producer: str, lifter: str, published: bool, state: str, why: str
) -> None:
    told = stream_state(states(producer=producer, lifter=lifter, viewer="failed"), published)
    assert (told["state"], told["why"]) == (state, why)
    assert told["processes"]["viewer"]["state"] == "failed"  # type: ignore[index]
