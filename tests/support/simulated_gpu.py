# ruff: noqa: N802 - these are the names of the real calls
"""A GPU in software, strict where a real one is silent: the calls of `cuda.bindings.runtime`, by their names.

Device memory is separate from host memory, starts as NaN, and every access is checked against live allocations. What is
put on the stream happens at `cudaStreamSynchronize`, in order, or is recorded during a capture. Each misuse raises
`MisuseError`.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


class MisuseError(AssertionError):
    """The code under test did what a real GPU would answer with garbage or a crash."""


class Kind(enum.Enum):
    cudaMemcpyHostToDevice = ("host", "device")
    cudaMemcpyDeviceToHost = ("device", "host")
    cudaMemcpyDeviceToDevice = ("device", "device")


class Code(enum.Enum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35


class SimulatedCuda:
    """`cuda.bindings.runtime` in software. `fail[name]` makes that call answer an error code."""

    cudaError_t = Code
    cudaMemcpyKind = Kind
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal="thread-local")
    cudaStreamNonBlocking = 1
    cudaHostAllocDefault = 0

    def __init__(self, capability: tuple[int, int] = (8, 6)) -> None:
        self.capability = capability
        self.calls: list[str] = []
        self.fail: dict[str, Code] = {}
        self.memory: dict[int, tuple[Any, int, str]] = {}  # address -> (owner, bytes, host | device)
        self.queue: list[Callable[[], None]] = []
        self.capturing: list[Callable[[], None]] | None = None
        self.streams: set[int] = set()
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.ready: dict[int, list[Callable[[], None]]] = {}
        self.captured = 0
        self.contexts = 0  # live execution contexts, kept by SimulatedTensorRT

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if not name.startswith("cuda") or not callable(value) or isinstance(value, type):
            return value

        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            if name in self.fail:
                return (self.fail[name], None)
            return value(*arguments)

        return call

    # memory
    def _allocate(self, size: int, where: str) -> int:
        if size <= 0:
            raise MisuseError(f"an allocation of {size} bytes")
        owner = (ctypes.c_byte * size)()
        address = ctypes.addressof(owner)
        np.frombuffer(owner, np.uint8)[:] = 0xFF  # NaN in every float
        self.memory[address] = (owner, size, where)
        return address

    def at(self, address: int, size: int, where: str) -> Any:
        for start, (owner, length, kind) in self.memory.items():
            if start <= address and address + size <= start + length:
                if kind != where:
                    raise MisuseError(f"{where} memory expected, this is {kind} memory")
                return np.frombuffer(owner, np.uint8)[address - start : address - start + size]
        raise MisuseError(f"{size} bytes at {address:#x} are outside every live {where} allocation")

    def _free(self, address: int, where: str) -> tuple[Code]:
        if self.queue:
            raise MisuseError("memory freed while the stream has work to do")
        if self.memory.get(address, (None, 0, ""))[2] != where:
            raise MisuseError(f"freed twice, or not {where} memory")
        del self.memory[address]
        return (Code.cudaSuccess,)

    def cudaMalloc(self, size: int) -> tuple[Code, int]:
        return Code.cudaSuccess, self._allocate(size, "device")

    def cudaFree(self, address: int) -> tuple[Code]:
        return self._free(address, "device")

    def cudaHostAlloc(self, size: int, flags: int) -> tuple[Code, int]:
        return Code.cudaSuccess, self._allocate(size, "host")

    def cudaFreeHost(self, address: int) -> tuple[Code]:
        return self._free(address, "host")

    def cudaMemsetAsync(self, address: int, value: int, size: int, stream: int) -> tuple[Code]:
        def work() -> None:
            self.at(address, size, "device")[:] = value

        return self.put(stream, work)

    def cudaMemcpyAsync(self, target: int, source: int, size: int, kind: Kind, stream: int) -> tuple[Code]:
        return self._copy_rows(target, size, source, size, size, 1, kind, stream)

    def cudaMemcpy2DAsync(self, *arguments: Any) -> tuple[Code]:
        return self._copy_rows(*arguments)

    def _copy_rows(self, target: int, target_pitch: int, source: int, source_pitch: int, width: int, rows: int,
                   kind: Kind, stream: int) -> tuple[Code]:  # fmt: skip
        if width > min(target_pitch, source_pitch):
            raise MisuseError("rows wider than their pitch")
        come_from, go_to = kind.value

        def work() -> None:
            for row in range(rows):
                to = self.at(target + row * target_pitch, width, go_to)
                to[:] = self.at(source + row * source_pitch, width, come_from)

        self.at(target, width, go_to), self.at(source, width, come_from)
        return self.put(stream, work)

    # stream and graphs
    def put(self, stream: int, work: Callable[[], None]) -> tuple[Code]:
        if stream not in self.streams:
            raise MisuseError("work on a stream that does not exist")
        (self.queue if self.capturing is None else self.capturing).append(work)
        return (Code.cudaSuccess,)

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Code, int]:
        self.streams.add(7)
        return Code.cudaSuccess, 7

    def cudaStreamDestroy(self, stream: int) -> tuple[Code]:
        if self.contexts or self.ready or self.memory:
            raise MisuseError(f"stream destroyed before {self.contexts} contexts, {len(self.ready)} graphs,"
                         f" {len(self.memory)} buffers")  # fmt: skip
        self.streams.remove(stream)
        return (Code.cudaSuccess,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[Code]:
        if self.capturing is not None:
            raise MisuseError("synchronised while capturing")
        for work in self.queue:
            work()
        self.queue.clear()
        return (Code.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream: int, mode: str) -> tuple[Code]:
        if self.queue:
            raise MisuseError("capture begins while the stream has work to do")
        self.capturing = []
        return (Code.cudaSuccess,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[Code, int]:
        if self.capturing is None:
            raise MisuseError("no capture to end")
        self.captured += 1
        self.graphs[self.captured], self.capturing = self.capturing, None
        return Code.cudaSuccess, self.captured

    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[Code, int]:
        if not self.graphs[graph]:
            raise MisuseError("an empty graph was captured")
        self.ready[graph] = list(self.graphs[graph])
        return Code.cudaSuccess, graph

    def cudaGraphDestroy(self, graph: int) -> tuple[Code]:
        del self.graphs[graph]
        return (Code.cudaSuccess,)

    def cudaGraphLaunch(self, graph: int, stream: int) -> tuple[Code]:
        for work in self.ready[graph]:
            self.put(stream, work)
        return (Code.cudaSuccess,)

    def cudaGraphExecDestroy(self, graph: int) -> tuple[Code]:
        del self.ready[graph]
        return (Code.cudaSuccess,)

    # device
    def cudaDriverGetVersion(self) -> tuple[Code, int]:
        return Code.cudaSuccess, 13040

    def cudaGetDeviceCount(self) -> tuple[Code, int]:
        return Code.cudaSuccess, 1

    def cudaGetDeviceProperties(self, device: int) -> tuple[Code, Any]:
        major, minor = self.capability
        return Code.cudaSuccess, SimpleNamespace(major=major, minor=minor, name=b"Simulated GPU")

    def cudaGetErrorString(self, code: Code) -> tuple[Code, bytes]:
        return Code.cudaSuccess, code.name.encode()
