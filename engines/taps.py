"""The recent past of every stream: each level's activations of its last 2 * 3^l frames, as rings in host memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.backends.base import Float, StepShape


class TapMemory:
    """Rings for `capacity` streams; grows by doubling. A stream at C = 64 takes 242 x 17 x 64 x 4 bytes = 1.05 MB."""

    def __init__(self, shape: StepShape, capacity: int = 1) -> None:
        self._shape = shape
        self.spans = [3**level for level in range(shape.levels)]
        self._rings = [self._allocate(span, capacity) for span in self.spans]
        self._stored: NDArray[np.int64] = np.zeros(capacity, np.int64)  # frames stored since the stream was primed

    def _allocate(self, span: int, capacity: int) -> Float:
        return np.zeros((capacity, 2 * span, self._shape.joints, self._shape.channels), np.float32)

    @property
    def bytes_per_stream(self) -> int:
        return sum(ring[0].nbytes for ring in self._rings)

    def grow(self, capacity: int) -> None:
        more = capacity - len(self._stored)
        if more > 0:
            added = (self._allocate(span, more) for span in self.spans)
            self._rings = [np.concatenate(pair) for pair in zip(self._rings, added, strict=True)]
            self._stored = np.concatenate((self._stored, np.zeros(more, np.int64)))

    def gather(self, slots: Sequence[int], taps: Float) -> None:
        """Write t - 3^l and t - 2*3^l of each stream into taps (L, B, V, 2C)."""
        channels = self._shape.channels
        for level, (ring, span) in enumerate(zip(self._rings, self.spans, strict=True)):
            for row, slot in enumerate(slots):
                oldest = self._stored[slot] % (2 * span)
                taps[level, row, :, :channels] = ring[slot, oldest - span]  # a negative index wraps like the ring
                taps[level, row, :, channels:] = ring[slot, oldest]

    def settle(self, level: int, taps: Float, activations: Float) -> None:
        """Make this frame's activations of a level both of its taps: a step towards priming."""
        channels = self._shape.channels
        taps[level, ..., :channels] = taps[level, ..., channels:] = activations[level]

    def store(self, slots: Sequence[int], commit: Sequence[bool], activations: Float) -> None:
        """Append this frame's activations (L, B, V, C) to the streams that commit it."""
        for row, slot in enumerate(slots):
            if not commit[row]:
                continue
            for level, (ring, span) in enumerate(zip(self._rings, self.spans, strict=True)):
                ring[slot, self._stored[slot] % (2 * span)] = activations[level, row]
            self._stored[slot] += 1

    def fill(self, slot: int, row: int, activations: Float) -> None:
        """Prime: as if this frame had always been there."""
        for level, ring in enumerate(self._rings):
            ring[slot] = activations[level, row]
        self._stored[slot] = 0
