"""The recent past of every stream in GPU memory: `engines.lifting.taps.TapMemory`'s counterpart, with the same calls.

A tap row keeps a ring of 2 * span frames plus one place for the frame that primed the stream. A place holds all slots
side by side, (slots, V, C), so that streams which started together move in one copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engines.backends.base import Float, StepShape
from engines.machine.cuda import FLOAT_BYTES, Cuda


class DeviceTaps:
    """Gathers into the backend's `taps` (R, P, V, 2C) and stores from its `activations` (R, P, V, C), P rows each.

    The host arrays that `TapMemory` works on are accepted and ignored, so a lifter treats both alike.
    """

    def __init__(self, cuda: Cuda, shape: StepShape, taps: int, activations: int, capacity: int,
                 padded: Callable[[int], int]) -> None:  # fmt: skip
        self._cuda, self._shape, self._padded = cuda, shape, padded
        self._taps, self._activations = taps, activations
        self._frame = shape.joints * shape.channels  # floats of one stream's activations in one tap row
        self._capacity = capacity
        self._rings = [cuda.allocate(self._places(span) * capacity * self._frame) for span in self._shape.spans]
        self._stored = [0] * capacity  # frames stored since the stream was primed
        self._rows = 1

    @staticmethod
    def _places(span: int) -> int:
        return 2 * span + 1  # the last is the priming frame's

    @property
    def bytes_per_stream(self) -> int:
        return sum(map(self._places, self._shape.spans)) * self._frame * FLOAT_BYTES

    def lay_out(self, rows: int) -> None:
        """Say how many rows P the backend's taps and activations have: those of the step gathered for, or just run."""
        self._rows = rows

    def grow(self, capacity: int) -> None:
        if capacity <= self._capacity:
            return
        old, new = self._capacity * self._frame, capacity * self._frame
        for tap_row, span in enumerate(self._shape.spans):
            ring = self._cuda.allocate(self._places(span) * new)
            self._cuda.move_rows(ring, new, self._rings[tap_row], old, old, self._places(span))
            self._cuda.synchronise()  # before the old ring goes
            self._cuda.free(self._rings[tap_row])
            self._rings[tap_row] = ring
        self._stored += [0] * (capacity - self._capacity)
        self._capacity = capacity

    def gather(self, slots: Sequence[int], taps: Float | None = None) -> None:
        """Copy what was `span` and twice as many frames ago into the device's taps."""
        self.lay_out(self._padded(len(slots)))
        channels, joints = self._shape.channels, self._shape.joints
        for tap_row, span in enumerate(self._shape.spans):
            for half, back in enumerate((span, 2 * span)):
                places = [self._place(slot, back, span) for slot in slots]
                for row, count in _runs(slots, places):
                    source = self._address(tap_row, places[row], slots[row])
                    first = (tap_row * self._rows + row) * joints * 2 * channels + half * channels
                    target = self._taps + first * FLOAT_BYTES
                    self._cuda.move_rows(target, 2 * channels, source, channels, channels, count * joints)

    def store(self, slots: Sequence[int], commit: Sequence[bool], activations: Float | None = None) -> None:
        """Append this frame's activations to the streams that commit it."""
        for tap_row, span in enumerate(self._shape.spans):
            # a place of -1 breaks a run: rows that do not commit stay where they are
            places = [self._stored[slot] % (2 * span) if kept else -1 for slot, kept in zip(slots, commit, strict=True)]
            for row, count in _runs(slots, places):
                if places[row] >= 0:
                    self._cuda.move(self._address(tap_row, places[row], slots[row]), self._activation(tap_row, row),
                                    count * self._frame)  # fmt: skip
        for slot, kept in zip(slots, commit, strict=True):
            self._stored[slot] += kept

    def fill(self, slot: int, row: int, activations: Float | None = None) -> None:
        """Prime: as if this frame had always been there."""
        for tap_row, span in enumerate(self._shape.spans):
            self._cuda.move(self._address(tap_row, 2 * span, slot), self._activation(tap_row, row), self._frame)
        self._stored[slot] = 0

    def settle(self, tap_row: int, taps: Float | None = None, activations: Float | None = None) -> None:
        """While priming: both taps of a row become its activations."""
        channels, rows = self._shape.channels, self._rows * self._shape.joints
        target = self._taps + tap_row * rows * 2 * channels * FLOAT_BYTES
        for half in (0, 1):
            self._cuda.move_rows(target + half * channels * FLOAT_BYTES, 2 * channels, self._activation(tap_row, 0),
                                 channels, channels, rows)  # fmt: skip

    def _place(self, slot: int, back: int, span: int) -> int:
        stored = self._stored[slot]
        return (stored - back) % (2 * span) if stored >= back else 2 * span

    def _address(self, tap_row: int, place: int, slot: int) -> int:
        return self._rings[tap_row] + (place * self._capacity + slot) * self._frame * FLOAT_BYTES

    def _activation(self, tap_row: int, row: int) -> int:
        return self._activations + (tap_row * self._rows + row) * self._frame * FLOAT_BYTES


def _runs(slots: Sequence[int], places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first row, rows) of neighbours that lie side by side in memory: one copy each."""
    first = 0
    for row in range(1, len(slots) + 1):
        if row == len(slots) or places[row] != places[first] or slots[row] != slots[row - 1] + 1:
            yield first, row - first
            first = row
