"""CUDA through `cuda-python`, every return code checked: buffers, one stream, copies, captured graphs. No torch."""

from __future__ import annotations

import ctypes
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT_BYTES = 4

Float = NDArray[np.float32]


class CudaError(RuntimeError):
    """A CUDA call failed; the message names the call and CUDA's reason."""


class Cuda:
    """Owns one stream and every buffer made through it, until `close`. `api` is `cuda.bindings.runtime`."""

    def __init__(self, api: Any = None) -> None:
        self.api = api if api is not None else importlib.import_module("cuda.bindings.runtime")
        self._device: list[int] = []
        self._pinned: list[int] = []
        self._graphs: list[Any] = []
        self._stream: Any = None

    def call(self, name: str, *arguments: Any) -> Any:
        """Call the runtime function `name`; returns its value. Raises CudaError on any code but success."""
        code, *values = getattr(self.api, name)(*arguments)
        if code != self.api.cudaError_t.cudaSuccess:
            raise CudaError(f"{name}: {self._reason(code)}")
        return values[0] if values else None

    def _reason(self, code: Any) -> str:
        text = self.api.cudaGetErrorString(code)[1]
        return str(text.decode() if isinstance(text, bytes) else text)

    def describe(self) -> tuple[str, str]:
        """Compute capability and name of GPU 0: (`sm86`, `NVIDIA RTX A2000`)."""
        if self.call("cudaDriverGetVersion") == 0:
            raise CudaError("no NVIDIA driver is installed")
        if self.call("cudaGetDeviceCount") < 1:
            raise CudaError("no CUDA device is visible")
        properties: Any = self.call("cudaGetDeviceProperties", 0)
        name = properties.name.decode() if isinstance(properties.name, bytes) else str(properties.name)
        return f"sm{properties.major}{properties.minor}", name

    @property
    def stream(self) -> Any:
        if self._stream is None:
            self._stream = self.call("cudaStreamCreateWithFlags", self.api.cudaStreamNonBlocking)
        return self._stream

    def allocate(self, floats: int) -> int:
        """Device memory for `floats` float32, zeroed; returns its address."""
        address = int(self.call("cudaMalloc", floats * FLOAT_BYTES))
        self._device.append(address)
        self.call("cudaMemsetAsync", address, 0, floats * FLOAT_BYTES, self.stream)
        return address

    def free(self, address: int) -> None:
        self._device.remove(address)
        self.call("cudaFree", address)

    def pinned(self, shape: tuple[int, ...]) -> Float:
        """A zeroed float32 array in page-locked host memory, which copies read and write without a detour."""
        floats = math.prod(shape)
        if floats == 0:
            return np.zeros(shape, np.float32)
        address = int(self.call("cudaHostAlloc", floats * FLOAT_BYTES, self.api.cudaHostAllocDefault))
        self._pinned.append(address)
        array: Float = np.ctypeslib.as_array((ctypes.c_float * floats).from_address(address)).reshape(shape)
        array[:] = 0
        return array

    def upload(self, address: int, array: Float) -> None:
        """Copy a contiguous array to the device, in stream order."""
        self._copy(address, array.ctypes.data, array.nbytes, "cudaMemcpyHostToDevice")

    def download(self, array: Float, address: int) -> None:
        """Copy from the device into a contiguous array, in stream order: read it after `synchronise`."""
        self._copy(array.ctypes.data, address, array.nbytes, "cudaMemcpyDeviceToHost")

    def move(self, target: int, source: int, floats: int) -> None:
        self._copy(target, source, floats * FLOAT_BYTES, "cudaMemcpyDeviceToDevice")

    def _copy(self, target: int, source: int, size: int, kind: str) -> None:
        if size:
            self.call("cudaMemcpyAsync", target, source, size, getattr(self.api.cudaMemcpyKind, kind), self.stream)

    def move_rows(self, target: int, target_pitch: int, source: int, source_pitch: int, width: int, rows: int) -> None:
        """Copy `rows` rows of `width` floats between device buffers; pitches are floats from row to row."""
        kind = self.api.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        sizes = (target_pitch * FLOAT_BYTES, source, source_pitch * FLOAT_BYTES, width * FLOAT_BYTES, rows)
        self.call("cudaMemcpy2DAsync", target, *sizes, kind, self.stream)

    def synchronise(self) -> None:
        self.call("cudaStreamSynchronize", self.stream)

    def capture(self, enqueue: Callable[[], None]) -> Any:
        """Record what `enqueue` puts on the stream as a graph, ready for `replay`."""
        mode = self.api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", self.stream, mode)
        try:
            enqueue()
        except BaseException:
            self.api.cudaStreamEndCapture(self.stream)  # leaves capture mode; the first error is the one to tell
            raise
        graph = self.call("cudaStreamEndCapture", self.stream)
        try:
            ready = self.call("cudaGraphInstantiate", graph, 0)
        finally:
            self.call("cudaGraphDestroy", graph)
        self._graphs.append(ready)
        return ready

    def replay(self, graph: Any) -> None:
        self.call("cudaGraphLaunch", graph, self.stream)

    def release_graph(self, graph: Any) -> None:
        self._graphs.remove(graph)
        self.call("cudaGraphExecDestroy", graph)

    def close(self) -> None:
        """Wait for the stream, then free everything. Arrays from `pinned` are dead afterwards."""
        if self._stream is None:
            return
        self.api.cudaStreamSynchronize(self._stream)  # a failed kernel fails here again: it was told already
        for graph in tuple(self._graphs):
            self.release_graph(graph)
        while self._device:
            self.call("cudaFree", self._device.pop())
        while self._pinned:
            self.call("cudaFreeHost", self._pinned.pop())
        stream, self._stream = self._stream, None
        self.call("cudaStreamDestroy", stream)
