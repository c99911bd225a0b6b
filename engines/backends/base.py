"""What runs one step of the streaming model: buffers it owns, and `run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.models.card import ModelCard
from engines.models.receptive_field import tap_spans

Float = NDArray[np.float32]


@dataclass(frozen=True)
class StepShape:
    """Sizes of a streaming model's step: V joints, F features, C channels, K look-aheads, and its R tap rows.

    Row r keeps the activations of spans[r] and 2 * spans[r] frames ago: see `engines.models.receptive_field.tap_spans`.
    """

    spans: tuple[int, ...]
    joints: int
    features: int
    channels: int
    lookaheads: int

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the step's inputs and outputs by name, -1 for the batch: see StepBuffers."""
        rows = len(self.spans)
        return {
            "features": (-1, self.joints, self.features),
            "taps": (rows, -1, self.joints, 2 * self.channels),
            "pose": (-1, self.lookaheads, self.joints, 3),
            "sigma": (-1, self.lookaheads, self.joints),
            "activations": (rows, -1, self.joints, self.channels),
        }


@dataclass(frozen=True, eq=False)
class StepBuffers:
    """Inputs to write and outputs to read, for one batch size; owned by the backend, valid until its next run."""

    features: Float  # (B, V, F)
    taps: Float  # (R, B, V, 2C): [t - span | t - 2 * span]
    pose: Float  # (B, K, V, 3)
    sigma: Float  # (B, K, V)
    activations: Float  # (R, B, V, C)

    @classmethod
    def allocate(cls, shape: StepShape, batch: int) -> StepBuffers:
        return cls(**{
            name: np.zeros([batch if axis == -1 else axis for axis in axes], np.float32)
            for name, axes in shape.tensors().items()
        })  # fmt: skip


class Taps(Protocol):
    """The recent past of every stream, wherever it is kept: see `engines.lifting.taps.TapMemory`."""

    @property
    def bytes_per_stream(self) -> int: ...

    def grow(self, capacity: int) -> None: ...

    def gather(self, slots: Sequence[int], taps: Float) -> None: ...

    def settle(self, tap_row: int, taps: Float, activations: Float) -> None: ...

    def store(self, slots: Sequence[int], commit: Sequence[bool], activations: Float) -> None: ...

    def fill(self, slot: int, row: int, activations: Float) -> None: ...


@runtime_checkable
class KeepsTaps(Protocol):
    """A backend with a memory of its own, on its device: taps and activations then never come to the host."""

    def memory(self, capacity: int = 1) -> Taps: ...


@runtime_checkable
class LimitsBatch(Protocol):
    """A backend that runs no more than so many rows at once."""

    max_batch: int


@runtime_checkable
class RunsChunks(Protocol):
    """A backend that also steps successive frames of one stream in one call: their buffers' batch is the frames.

    Tap rows hold what lies before the chunk, and zeros: see `engines.lifting.taps.TapMemory.gather_chunk`.
    """

    chunk_frames: int  # at most so many; 0: this one cannot after all

    def chunk_buffers(self, frames: int) -> StepBuffers: ...

    def run_chunk(self, frames: int) -> None: ...

    answers_newest: bool  # has `run_newest`

    def run_newest(self, frames: int) -> tuple[Float, Float]:
        """Before the chunk is run, and for less: the pose (1, V, 3) and sigma (1, V) of its newest frame, look-ahead 0.

        Reads what `run_chunk` reads; the arrays hold until the next call.
        """
        ...


class StepBackend(Protocol):
    """Runs steps. `buffers(batch)` gives the same arrays each time: write the inputs, `run`, read the outputs."""

    name: str
    shape: StepShape

    def buffers(self, batch: int) -> StepBuffers: ...

    def run(self, batch: int) -> None: ...

    def close(self) -> None: ...


def step_shape(card: ModelCard) -> StepShape:
    spans = tap_spans(card.levels, card.lookaheads)
    return StepShape(spans, card.joints, card.features, card.channels, len(card.lookaheads))
