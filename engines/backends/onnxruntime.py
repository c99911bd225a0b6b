"""ONNX Runtime: on the CPU the default backend. Inputs and outputs are bound to fixed arrays: a run there copies
nothing, one on a GPU (engines.backends.providers) what goes in and comes out alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from engines.backends.base import Float, StepBuffers, StepShape
from engines.errors import UserError
from engines.models.receptive_field import CHUNK_FRAMES

MakeSession = Callable[[Path | bytes, int], Any]  # of a graph, on so many threads


def session_options(threads: int = 1) -> Any:
    """`threads` cores that sleep between runs instead of spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def session(graph: Path | bytes, threads: int = 1, options: Any = None) -> Any:
    """An inference session with `session_options`, or with others."""
    options = options or session_options(threads)
    source = graph if isinstance(graph, bytes) else str(graph)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own bare exception types
        what = "the graph" if isinstance(graph, bytes) else graph
        raise UserError(f"ONNX Runtime cannot load {what}: {error}") from error


class _Graph:
    """A session with arrays bound to it for each batch size."""

    def __init__(self, made: Any, shape: StepShape) -> None:
        self._shape, self._session = shape, made
        self._bound: dict[int, tuple[StepBuffers, Any]] = {}

    def buffers(self, batch: int) -> StepBuffers:
        return self._bind(batch)[0]

    def run(self, batch: int) -> None:
        self._session.run_with_iobinding(self._bind(batch)[1])

    def close(self) -> None:
        self._bound.clear()

    def _bind(self, batch: int) -> tuple[StepBuffers, Any]:
        if batch not in self._bound:
            buffers = StepBuffers.allocate(self._shape, batch)
            outputs = {name: getattr(buffers, name) for name in ("pose", "sigma", "activations")}
            self._bound[batch] = (buffers, _bound(self._session, buffers, outputs))
        return self._bound[batch]


class _Newest:
    """The session of a chunk's newest frame, which reads the chunk's own buffers."""

    def __init__(self, made: Any, chunk: _Graph, shape: StepShape) -> None:
        self._session, self._chunk = made, chunk
        self._pose = np.zeros((1, 1, shape.joints, 3), np.float32)
        self._sigma = np.zeros((1, 1, shape.joints), np.float32)
        self._bindings: dict[int, Any] = {}

    def run(self, frames: int) -> tuple[Float, Float]:
        if frames not in self._bindings:
            outputs = {"pose": self._pose, "sigma": self._sigma}
            self._bindings[frames] = _bound(self._session, self._chunk.buffers(frames), outputs)
        self._session.run_with_iobinding(self._bindings[frames])
        return self._pose[:, 0], self._sigma[:, 0]

    def close(self) -> None:
        self._bindings.clear()


def _bound(session: Any, inputs: StepBuffers, outputs: Mapping[str, Float]) -> Any:
    """The session's binding to these arrays, whole or row by row as its graph has them."""
    binding = session.io_binding()
    for end in session.get_inputs():
        array = _of_graph(end.name, {"features": inputs.features, "taps": inputs.taps})
        binding.bind_input(end.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    for end in session.get_outputs():
        array = _of_graph(end.name, outputs)
        binding.bind_output(end.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return binding


def _of_graph(name: str, arrays: Mapping[str, Float]) -> Float:
    """An array by its name, or `NAME_0`, `NAME_1` ...: its rows, flat."""
    if name in arrays:
        return arrays[name]
    whole, _, row = name.rpartition("_")
    array = arrays[whole][int(row)]
    return array.reshape(-1, array.shape[-1])


class OnnxRuntimeStep:
    """A StepBackend on an exported graph, of the step or its rows, and on the chunk's graphs where there are some."""

    def __init__(
        self, graph: Path | bytes, shape: StepShape, threads: int = 1, chunk: bytes | None = None,
        newest: bytes | None = None, name: str = "onnxruntime", make: MakeSession = session,
    ) -> None:  # fmt: skip
        """`make` and its `name`: the processor's sessions, or those of engines.backends.providers."""
        self.name, self.shape = name, shape
        self._step = _Graph(make(graph, threads), shape)
        self._chunk = None if chunk is None else _Graph(make(chunk, threads), shape)
        self.chunk_frames = CHUNK_FRAMES if self._chunk else 0
        self._newest = _Newest(make(newest, threads), self._chunk, shape) if newest and self._chunk else None
        self.answers_newest = self._newest is not None

    def buffers(self, batch: int) -> StepBuffers:
        return self._step.buffers(batch)

    def run(self, batch: int) -> None:
        self._step.run(batch)

    def chunk_buffers(self, frames: int) -> StepBuffers:
        assert self._chunk is not None
        return self._chunk.buffers(frames)

    def run_chunk(self, frames: int) -> None:
        assert self._chunk is not None
        self._chunk.run(frames)

    def run_newest(self, frames: int) -> tuple[Float, Float]:
        assert self._newest is not None
        return self._newest.run(frames)

    def close(self) -> None:
        for graph in (self._step, self._chunk, self._newest):
            if graph is not None:
                graph.close()
