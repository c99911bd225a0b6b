"""The recent past of every stream: the activations that taps read, as rings in host memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engines.backends.base import Float, StepShape

_MANY = 8  # streams: from here on one call for all of them is quicker than one each


class TapMemory:
    """Rings for `capacity` streams; grows by doubling. A stream at C = 64 takes 254 x 17 x 64 x 4 bytes = 1.11 MB."""

    def __init__(self, shape: StepShape, capacity: int = 1) -> None:
        self._shape = shape
        self._rings = [self._allocate(span, capacity) for span in self._shape.spans]
        self._stored = [0] * capacity  # frames stored since the stream was primed; plain, they index sooner

    def _allocate(self, span: int, capacity: int) -> Float:
        return np.zeros((capacity, 2 * span, self._shape.joints, self._shape.channels), np.float32)

    @property
    def bytes_per_stream(self) -> int:
        return sum(ring[0].nbytes for ring in self._rings)

    def grow(self, capacity: int) -> None:
        more = capacity - len(self._stored)
        if more > 0:
            added = (self._allocate(span, more) for span in self._shape.spans)
            self._rings = [np.concatenate(pair) for pair in zip(self._rings, added, strict=True)]
            self._stored += [0] * more

    def gather(self, slots: Sequence[int], taps: Float) -> None:
        """Write what was `span` and twice as many frames ago into taps (R, B, V, 2C)."""
        near, far = taps[..., : self._shape.channels], taps[..., self._shape.channels :]
        if len(slots) >= _MANY:
            rows, stored = np.array(slots), np.array([self._stored[slot] for slot in slots])
            for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
                oldest = stored % (2 * span)
                near[tap_row] = ring[rows, oldest - span]
                far[tap_row] = ring[rows, oldest]
            return
        for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
            for row, slot in enumerate(slots):
                oldest_place = self._stored[slot] % (2 * span)
                near[tap_row, row] = ring[slot, oldest_place - span]  # a negative index wraps like the ring
                far[tap_row, row] = ring[slot, oldest_place]

    def gather_chunk(self, slot: int, frames: int, taps: Float) -> None:
        """As `gather` for a stream's next `frames` frames, (R, frames, V, 2C).

        What is among them is not there to gather: `taps` keeps its zeros in these places.
        """
        channels, stored = self._shape.channels, self._stored[slot]
        for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
            for back, half in ((span, slice(None, channels)), (2 * span, slice(channels, None))):
                for here, there in _runs(stored - back, min(frames, back), 2 * span):
                    taps[tap_row, here, :, half] = ring[slot, there]

    def settle(self, tap_row: int, taps: Float, activations: Float) -> None:
        """Make this frame's activations both taps of a row: a step towards priming."""
        channels = self._shape.channels
        taps[tap_row, ..., :channels] = taps[tap_row, ..., channels:] = activations[tap_row]

    def store(self, slots: Sequence[int], commit: Sequence[bool], activations: Float) -> None:
        """Append this frame's activations (R, B, V, C) to the streams that commit it."""
        if len(slots) >= _MANY and all(commit):
            rows, stored = np.array(slots), np.array([self._stored[slot] for slot in slots])
            for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
                ring[rows, stored % (2 * span)] = activations[tap_row]
            for slot in slots:
                self._stored[slot] += 1
            return
        for row, slot in enumerate(slots):
            if not commit[row]:
                continue
            frames = self._stored[slot]
            for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
                ring[slot, frames % (2 * span)] = activations[tap_row, row]
            self._stored[slot] = frames + 1

    def store_chunk(self, slot: int, activations: Float) -> None:
        """Append the activations (R, frames, V, C) of a stream's successive frames."""
        frames = activations.shape[1]
        for tap_row, (ring, span) in enumerate(zip(self._rings, self._shape.spans, strict=True)):
            kept = min(frames, 2 * span)
            newest = activations[tap_row, frames - kept :]
            for here, there in _runs(self._stored[slot] + frames - kept, kept, 2 * span):
                ring[slot, there] = newest[here]
        self._stored[slot] += frames

    def fill(self, slot: int, row: int, activations: Float) -> None:
        """Prime: as if this frame had always been there."""
        for tap_row, ring in enumerate(self._rings):
            ring[slot] = activations[tap_row, row]
        self._stored[slot] = 0


def _runs(first: int, count: int, size: int) -> Iterator[tuple[slice, slice]]:
    """`count` (at most `size`) places from `first` on in a ring of `size`, as slices of the list and of the ring."""
    start = first % size
    unbroken = min(count, size - start)
    yield slice(0, unbroken), slice(start, start + unbroken)
    if unbroken < count:
        yield slice(unbroken, count), slice(0, count - unbroken)
