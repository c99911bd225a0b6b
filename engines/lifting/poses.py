"""What every lifter offers and answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np

from engines.backends.base import Float
from engines.errors import UserError
from engines.models.card import PAPER, ModelCard
from engines.models.known import Known

RATE_HZ = 30.0
ON_GPU = ("cuda", "tensorrt-rtx")  # of ONNX Runtime: see engines.backends.providers
ENGINES = ("auto", "onnxruntime", "torch", "tensorrt", *ON_GPU)
ALIGNMENTS = ("centre", "end")  # where in its window the paper's model's pose is
Commit = Sequence[bool] | None  # one a stream; None: all
Traceback = TracebackType | None


@dataclass(frozen=True, slots=True, eq=False)
class LiftedPoses:
    """Poses of one push; the arrays belong to the lifter and hold until its next push."""

    joints_m: Float  # (B, 17, 3) camera axes, the hip at the origin
    sigma_m: Float  # (B, 17)
    window_fill: Float  # (B,) 0 to 1
    lag_frames: int

    def row(self, index: int) -> LiftedPoses:
        """One of them alone."""
        return LiftedPoses(
            self.joints_m[index, None], self.sigma_m[index, None], self.window_fill[index, None], self.lag_frames
        )


class Lifter(Protocol):
    """Use as a context manager. `push` takes rays (B, 17, 2), NaN where unseen, and scores (B, 17)."""

    name: str
    engine: str
    rate_hz: float
    lag_frames: int
    frames: int
    chunk_frames: int  # successive frames of one stream that `push_chunk` takes; 1: there is only `push`
    remembers: bool  # has `remember`, which costs nothing; where False, a frame is remembered by lifting it

    @property
    def state_bytes_per_stream(self) -> int: ...

    def __enter__(self) -> Lifter: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: Traceback) -> None: ...

    def open(self) -> int: ...

    def close(self, stream: int) -> None: ...

    def reset(self, stream: int) -> None: ...

    def push(self, streams: Sequence[int], rays: Float, score: Float, commit: Commit = None) -> LiftedPoses: ...

    def push_chunk(self, stream: int, rays: Float, score: Float, newest: bool = False) -> LiftedPoses: ...

    def tell(self, stream: int, known: Known) -> None: ...

    def finish(self) -> None: ...

    def remember(self, stream: int, rays: Float, score: Float) -> None: ...


def believable(score: Float) -> Float:
    """Scores as the models know them, 0 to 1; what is no number is no sight of the joint."""
    return np.fmin(np.fmax(score, 0), 1)  # fmax knows no NaN


def check_lookahead(card: ModelCard, lookahead: int) -> None:
    """Raises UserError where the model has no such head; 0 is every model's."""
    if lookahead and lookahead not in card.lookaheads:
        known = list(card.lookaheads) or [0]
        raise UserError(f"model {card.name} has no look-ahead {lookahead}: choose one of {known}")


def check_align(card: ModelCard, align: str | None) -> None:
    """None: as the model has it. Raises UserError for what it does not have."""
    if align is not None and align not in ALIGNMENTS:
        raise UserError(f"align {align!r} is unknown: choose {' or '.join(ALIGNMENTS)}")
    if align is not None and card.kind != PAPER:
        raise UserError(f"model {card.name} has no window to align in: leave out --align, which is for the paper's")
