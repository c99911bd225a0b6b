"""torch on the CPU: the reference backend (needs the extra `[train]`)."""

from __future__ import annotations

import torch

from engines.backends.base import StepBuffers, StepShape
from engines.models.stream_gla_gcn import StreamGLAGCN


class TorchStep:
    """A StepBackend on the module itself."""

    name = "torch"

    def __init__(self, module: StreamGLAGCN, shape: StepShape, threads: int = 1) -> None:
        self.shape = shape
        self._module = module.eval()
        self._buffers: dict[int, StepBuffers] = {}
        torch.set_num_threads(threads)

    def buffers(self, batch: int) -> StepBuffers:
        if batch not in self._buffers:
            self._buffers[batch] = StepBuffers.allocate(self.shape, batch)
        return self._buffers[batch]

    @torch.inference_mode()
    def run(self, batch: int) -> None:
        buffers = self.buffers(batch)
        results = self._module.step(torch.from_numpy(buffers.features), torch.from_numpy(buffers.taps))
        for array, result in zip((buffers.pose, buffers.sigma, buffers.activations), results, strict=True):
            torch.from_numpy(array).copy_(result)

    def close(self) -> None:
        self._buffers.clear()
