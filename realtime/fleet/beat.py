"""What a worker tells the directory twice a second, and what it is told in return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BEAT_S = 0.5
LEASE_S = 1.5  # a worker unheard for so long is dead


@dataclass(frozen=True, slots=True)
class Beat:
    """`streams`: those it lifts and the lives of their producers; None: as told before."""

    worker: str
    intake: str  # where producers connect
    address: str  # where its poses are
    limit: int  # places
    streams: Mapping[str, str] | None
    busy: float = 0.0  # part of the time at work
    frames: int = 0  # lifted since it began
    memory_mb: float = 0.0
    pid: int = 0
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """`moves`: streams whose producers are to be sent to another worker, and its address. `again`: tell all streams."""

    moves: tuple[tuple[str, str], ...] = ()
    again: bool = False
