"""What the stream's status says of the session: one state for all, and one for each process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from realtime.process.board import Condition
from realtime.process.states import RUNNING, STARTING, STOPPED, worst

IN_THE_WAY = ("producer", "lifter")  # of a pose; the others only look on


def stream_state(
    conditions: Mapping[str, Condition], published: bool, in_the_way: Sequence[str] = IN_THE_WAY
) -> dict[str, object]:
    """`state`, `state_since_ns`, `why` and `processes` of PROTOCOL.md. `published`: a pose has gone out."""
    way = [conditions[name] for name in in_the_way if name in conditions and conditions[name].state != STOPPED]
    state = worst(RUNNING, *(condition.state for condition in way)) if way else STOPPED
    culprits = [condition for condition in way if condition.state == state]
    told: dict[str, object] = {
        "state": state if published or state != RUNNING else STARTING,
        "why": culprits[-1].event if culprits and state != RUNNING else "",
        "processes": {name: condition.as_fields() for name, condition in conditions.items()},
    }
    if culprits:
        told["state_since_ns"] = max(culprits, key=lambda condition: condition.since_ns).as_fields()["since_ns"]
    return told
