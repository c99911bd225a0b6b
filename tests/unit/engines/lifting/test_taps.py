"""The memory of many streams at once is that of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from engines.backends.base import StepBuffers, StepShape
from engines.lifting.taps import TapMemory

SHAPE = StepShape(spans=(1, 3, 2), joints=17, features=9, channels=4, lookaheads=1)
STREAMS = 10


def gathered(memory: TapMemory, slots: list[int]) -> np.ndarray:
    buffers = StepBuffers.allocate(SHAPE, len(slots))
    memory.gather(slots, buffers.taps)
    return buffers.taps


@pytest.mark.parametrize("some_stay_behind", [False, True])
def test_many_streams_in_one_call_are_as_each_alone(some_stay_behind: bool) -> None:
    rng = np.random.default_rng(0)
    together, alone = TapMemory(SHAPE, STREAMS), TapMemory(SHAPE, STREAMS)
    slots = [int(slot) for slot in rng.permutation(STREAMS)]
    for slot in slots:  # streams that began at different times
        for _ in range(slot):
            activations = rng.random((len(SHAPE.spans), 1, SHAPE.joints, SHAPE.channels), np.float32)
            together.store([slot], [True], activations)
            alone.store([slot], [True], activations)
    for frame in range(8):
        taps = gathered(together, slots)
        for row, slot in enumerate(slots):
            np.testing.assert_array_equal(taps[:, row], gathered(alone, [slot])[:, 0])
        activations = rng.random((len(SHAPE.spans), STREAMS, SHAPE.joints, SHAPE.channels), np.float32)
        commit = [not some_stay_behind or (frame + slot) % 3 > 0 for slot in slots]
        together.store(slots, commit, activations)
        for row, slot in enumerate(slots):
            alone.store([slot], [commit[row]], activations[:, row : row + 1])
