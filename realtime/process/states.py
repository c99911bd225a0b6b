"""The states of a process and of the stream, as the status message names them, worst last."""

from __future__ import annotations

RUNNING, DEGRADED, STARTING, STOPPED, STALLED, FROZEN, RECONNECTING, RESTARTING, FAILED = STATES = (
    "running", "degraded", "starting", "stopped", "stalled", "frozen", "reconnecting", "restarting", "failed",
)  # fmt: skip


def worst(*states: str) -> str:
    """The one that is to be told."""
    return max(states, key=STATES.index)
