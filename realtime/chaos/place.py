"""Where faults are done: what a scene gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from realtime.chaos.faults import FAULTS, Fault
from realtime.chaos.target import Target


class LeftOutError(Exception):
    """A scene that this machine cannot set up; says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A program at work, and what may be done to it."""

    target: Target
    stream: str
    faults: Mapping[str, Fault] = field(default_factory=lambda: FAULTS)
    by_arrival: bool = False  # as `Witness` has it


Scene = Callable[[Path], AbstractContextManager[Place]]


def some(*names: str) -> dict[str, Fault]:
    """Of all faults those with these names."""
    return {name: FAULTS[name] for name in names}
