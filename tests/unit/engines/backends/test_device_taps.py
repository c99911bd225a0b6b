"""Taps that stay on the GPU hold what the host's TapMemory holds, whatever streams come, go and wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_gpu import SimulatedCuda

from engines.backends.base import StepShape, step_shape
from engines.backends.device_taps import DeviceTaps
from engines.backends.onnxruntime import OnnxRuntimeStep
from engines.backends.tensorrt import TensorRTStep
from engines.export.model_graph import export
from engines.lifting.stream_lifter import StreamLifter
from engines.lifting.taps import TapMemory
from engines.machine.cuda import Cuda
from engines.models.card import ModelCard
from engines.models.normalise import FEATURES
from engines.plans.synthetic_motion import synthetic_motion

SHAPE = StepShape(spans=(1, 3, 9, 2), joints=3, features=8, channels=2, lookaheads=1)
ROWS = 6  # the padded batch
STREAMS = 5

Push = tuple[list[int], list[bool]]
pushes = st.lists(
    st.permutations(range(STREAMS)).flatmap(
        lambda order: st.integers(1, STREAMS).flatmap(
            lambda count: st.tuples(
                st.just(order[:count]), st.lists(st.booleans(), min_size=count, max_size=count)
            )
        )
    ),
    min_size=1, max_size=40,
)  # fmt: skip


class _Both:
    """The same calls on the host's and on the device's memory."""

    def __init__(self) -> None:
        self.cuda = Cuda(SimulatedCuda())
        rows, joints, channels = len(SHAPE.spans), SHAPE.joints, SHAPE.channels
        self.taps = np.zeros((rows, ROWS, joints, 2 * channels), np.float32)
        self.activations = self.cuda.pinned((rows, ROWS, joints, channels))
        self.on_device = [self.cuda.allocate(array.size) for array in (self.taps, self.activations)]
        self.device = DeviceTaps(self.cuda, SHAPE, *self.on_device, 1, lambda rows: ROWS)
        self.host = TapMemory(SHAPE)

    def set_activations(self, rng: np.random.Generator) -> None:
        self.activations[:] = rng.random(self.activations.shape, np.float32)
        self.cuda.upload(self.on_device[1], self.activations)
        self.cuda.synchronise()

    def gathered(self, slots: Sequence[int]) -> tuple[Any, Any]:
        self.host.gather(slots, self.taps)
        self.device.gather(slots)
        got = self.cuda.pinned(self.taps.shape)
        self.cuda.download(got, self.on_device[0])
        self.cuda.synchronise()
        return got[:, : len(slots)], self.taps[:, : len(slots)]


@settings(max_examples=25, deadline=None)
@given(pushes, st.integers(0, 2**31))
def test_gathers_what_the_hosts_memory_gathers(pushes: list[Push], seed: int) -> None:
    rng, both = np.random.default_rng(seed), _Both()
    for capacity in (2, STREAMS):
        both.host.grow(capacity)
        both.device.grow(capacity)
    both.set_activations(rng)
    both.device.lay_out(ROWS)
    for slot in range(STREAMS):
        both.host.fill(slot, slot, both.activations)
        both.device.fill(slot, slot)
    for number, (slots, commit) in enumerate(pushes):
        got, expected = both.gathered(slots)
        np.testing.assert_array_equal(got, expected)
        both.set_activations(rng)
        both.host.store(slots, commit, both.activations)
        both.device.store(slots, commit)
        if number == len(pushes) // 2:
            both.host.fill(slots[0], 0, both.activations)
            both.device.fill(slots[0], 0)
            both.host.grow(2 * STREAMS)
            both.device.grow(2 * STREAMS)
    both.cuda.close()


def test_streams_that_started_together_move_in_one_copy() -> None:
    both = _Both()
    both.device.grow(ROWS)
    both.cuda.synchronise()
    calls = both.cuda.api.calls
    calls.clear()
    both.device.gather(range(ROWS))
    assert calls.count("cudaMemcpy2DAsync") == 2 * len(SHAPE.spans)
    both.device.store(range(ROWS), [True] * ROWS)
    assert calls.count("cudaMemcpyAsync") == len(SHAPE.spans)
    both.cuda.close()


def test_poses_equal_onnx_runtime_with_taps_on_the_gpu(
    model: tuple[ModelCard, Path], runner: Callable[..., Any], cuda: SimulatedCuda
) -> None:
    motion = synthetic_motion(4, 70, seed=5)
    reference = StreamLifter(model[0], OnnxRuntimeStep(export(*model, "step"), step_shape(model[0])))
    lifter = StreamLifter(model[0], TensorRTStep(runner(), step_shape(model[0])))
    with lifter, reference:
        for one in (lifter, reference):
            for _ in range(4):
                one.open()
        for t in range(70):
            streams = [0, 2] if t < 9 else [3, 0, 1, 2] if t < 40 else [1, 2, 3]
            arrays = (motion.rays[streams, t], motion.score[streams, t], [t % 5 != 0] * len(streams))
            got, expected = lifter.push(streams, *arrays), reference.push(streams, *arrays)
            np.testing.assert_allclose(got.joints_m, expected.joints_m, atol=1e-5)
        largest = max(size for _, size, where in cuda.memory.values() if where == "host")
        assert largest == 4 * 4 * 17 * max(4 * 3, FEATURES)  # four people's: no taps or activations on the host
