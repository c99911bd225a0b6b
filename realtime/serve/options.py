"""What a server of many cameras can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engines.errors import UserError
from realtime.config import FLOORS, LifterConfig, StreamConfig
from realtime.ring.ring import MAX_PEOPLE
from realtime.wire.joining import DEFAULT_INTAKE

MOST_STREAMS = 2048
MOST_WINDOW_MS = 2.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Raises UserError for a value that cannot be."""

    intake: str = DEFAULT_INTAKE  # where producers connect
    streams: int = 16  # lifted at the same time; further producers are refused
    people: int = 1  # of a stream; further ones are left out
    window_ms: float = MOST_WINDOW_MS  # a frame waits so long for others, to be lifted together
    max_fps: float = 60.0  # of a stream; frames beyond are left out
    most_busy: float = 0.85  # part of the time at work, beyond which nobody new is let in
    floor: str = "auto"
    metrics: str | None = None  # HOST:PORT of /metrics
    stream: StreamConfig = field(default_factory=StreamConfig)  # of all; its name is that of the fused stream
    lifter: LifterConfig = field(default_factory=LifterConfig)
    open_intake: bool = False  # on this machine, without keys, for the cameras of the very session
    cameras: Path | None = None  # of `realtime calibrate cameras`: their streams are fused into one

    def __post_init__(self) -> None:
        _check(1 <= self.streams <= MOST_STREAMS, f"--streams must be from 1 to {MOST_STREAMS}, got {self.streams}")
        _check(1 <= self.people <= MAX_PEOPLE, f"--people must be from 1 to {MAX_PEOPLE}, got {self.people}")
        _check(0 <= self.window_ms <= MOST_WINDOW_MS,
               f"--window must be from 0 to {MOST_WINDOW_MS:g} ms, got {self.window_ms:g}")
        _check(1 <= self.max_fps <= 240, f"--max-fps must be from 1 to 240, got {self.max_fps:g}")
        _check(self.floor in FLOORS, f"--floor {self.floor!r} is none of {', '.join(FLOORS)}")
        _check(self.cameras is None or self.lifter.lookahead == 0,
               "cameras are fused at each moment anew: leave out --lookahead (lifter.lookahead) with --cameras")
        _check(0 < self.most_busy <= 1, f"--most-busy must be above 0 and at most 1, got {self.most_busy:g}")


def _check(good: bool, message: str) -> None:
    if not good:
        raise UserError(message)
