"""Backends that run the paper's model over windows: buffers they own, and `run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engines.backends.base import Float

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class WindowBuffers:
    """The input to write and the output to read, for one batch size; owned by the backend, valid until its next run."""

    features: Float  # (B, T, V, 2)
    pose: Float  # (B, 1, V, 3)


def window_tensors(frames: int, joints: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a window's input and output by name, -1 for the batch: see WindowBuffers."""
    return {"features": (-1, frames, joints, 2), "pose": (-1, 1, joints, 3)}


class WindowBackend(Protocol):
    """Runs windows. `buffers(batch)` gives the same arrays each time; write `features`, `run(batch)`, read `pose`."""

    name: str

    def buffers(self, batch: int) -> WindowBuffers: ...

    def run(self, batch: int) -> None: ...

    def close(self) -> None: ...


class _Buffered:
    """Keeps one pair of arrays, and what `bind` makes of it, for each batch size."""

    def __init__(self, frames: int, joints: int, bind: Callable[[WindowBuffers], Any]) -> None:
        self._frames, self._joints, self._bind = frames, joints, bind
        self._bound: dict[int, tuple[WindowBuffers, Any]] = {}

    def at(self, batch: int) -> tuple[WindowBuffers, Any]:
        if batch not in self._bound:
            features = np.zeros((batch, self._frames, self._joints, 2), np.float32)
            buffers = WindowBuffers(features, np.zeros((batch, 1, self._joints, 3), np.float32))
            self._bound[batch] = (buffers, self._bind(buffers))
        return self._bound[batch]

    def buffers(self, batch: int) -> WindowBuffers:
        return self.at(batch)[0]

    def close(self) -> None:
        self._bound.clear()


class OnnxRuntimeWindow(_Buffered):
    """The exported graph on ONNX Runtime's CPU provider; inputs and outputs are bound, so a run copies nothing."""

    name = "onnxruntime"

    def __init__(self, graph: Path | bytes, frames: int, joints: int, threads: int = 1) -> None:
        from engines.backends.onnxruntime import session

        super().__init__(frames, joints, self._binding)
        self._session = session(graph, threads)

    def run(self, batch: int) -> None:
        self._session.run_with_iobinding(self.at(batch)[1])

    def _binding(self, buffers: WindowBuffers) -> Any:
        binding = self._session.io_binding()
        binding.bind_input("features", "cpu", 0, np.float32, buffers.features.shape, buffers.features.ctypes.data)
        binding.bind_output("pose", "cpu", 0, np.float32, buffers.pose.shape, buffers.pose.ctypes.data)
        return binding


class TorchWindow(_Buffered):
    """The module itself, in eval mode (needs the extra `[train]`)."""

    name = "torch"

    def __init__(self, module: nn.Module, frames: int, joints: int, threads: int = 1) -> None:
        import torch

        super().__init__(frames, joints, lambda buffers: torch.from_numpy(buffers.features))
        self._module = module.eval()
        torch.set_num_threads(threads)

    def run(self, batch: int) -> None:
        import torch

        buffers, features = self.at(batch)
        with torch.inference_mode():
            buffers.pose[:] = self._module(features).numpy()
