# ruff: noqa: N802 - these are the names of the real calls
"""A GPU and TensorRT in software, strict where the real ones are silent: the same calls, the same names.

Device memory is separate from host memory, starts as NaN, and every access is checked against live allocations. What is
put on the stream happens at `cudaStreamSynchronize`, in order, or is recorded during a capture. A plan is ONNX bytes
behind a header; executing it runs ONNX Runtime on device memory. Each misuse raises `MisuseError`.
"""

from __future__ import annotations

import ctypes
import enum
import weakref
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime

HEADER = b"SIMULATED PLAN\n"


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


def simulated_tensorrt(cuda: SimulatedCuda, capturable: bool = True) -> Any:  # noqa: C901
    """`tensorrt_rtx` in software: what a backend uses of it, on a SimulatedCuda."""

    class ILogger:
        Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3)

        def log(self, severity: int, msg: str) -> None: ...

    class Runtime:
        def __init__(self, logger: ILogger) -> None:
            self.logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> ICudaEngine | None:
            if not plan.startswith(HEADER):
                self.logger.log(ILogger.Severity.ERROR, "the magic tag does not match")
                return None
            return ICudaEngine(plan[len(HEADER) :])

    class IRuntimeCache:
        def __init__(self) -> None:
            self.blob = b""

        def deserialize(self, blob: bytes) -> bool:
            if blob.startswith(b"compiled"):
                self.blob = blob
            return blob.startswith(b"compiled")

        def serialize(self) -> bytes:
            return self.blob or b"compiled"

    class IRuntimeConfig:
        dynamic_shapes_kernel_specialization_strategy: Any = None
        cuda_graph_strategy: Any = None

        def __init__(self) -> None:
            self.cache: IRuntimeCache | None = None

        def create_runtime_cache(self) -> IRuntimeCache:
            return IRuntimeCache()

        def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
            self.cache = cache
            return True

        def get_runtime_cache(self) -> IRuntimeCache | None:
            return self.cache

    class ICudaEngine:
        def __init__(self, onnx: bytes) -> None:
            self.session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
            self.inputs = [item.name for item in self.session.get_inputs()]
            self.outputs = [item.name for item in self.session.get_outputs()]
            self.num_io_tensors = len(self.inputs + self.outputs)

        def get_tensor_name(self, index: int) -> str:
            return str((self.inputs + self.outputs)[index])

        def get_tensor_dtype(self, name: str) -> str:
            return "float32"

        def create_runtime_config(self) -> IRuntimeConfig:
            return IRuntimeConfig()

        def create_execution_context(self, config: IRuntimeConfig | None = None) -> IExecutionContext | None:
            return None if module.out_of_memory else IExecutionContext(self)

    class IExecutionContext:
        def __init__(self, engine: ICudaEngine) -> None:
            self.engine = engine
            self.shapes: dict[str, Sequence[int]] = {}
            self.addresses: dict[str, int] = {}
            self.frozen = False
            cuda.contexts += 1
            weakref.finalize(self, _context_gone, cuda)

        def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
            if self.frozen:
                raise MisuseError("a context changed after its graph was captured")
            self.shapes[name] = shape
            return name in self.engine.inputs and all(axis > 0 for axis in shape)

        def set_tensor_address(self, name: str, address: int) -> bool:
            if self.frozen:
                raise MisuseError("a context changed after its graph was captured")
            self.addresses[name] = address
            return name in self.engine.inputs + self.engine.outputs

        def infer_shapes(self) -> list[str]:
            return [name for name in self.engine.inputs if name not in self.shapes]

        def is_stream_capturable(self, stream: int) -> bool:
            return capturable

        def execute_async_v3(self, stream: int) -> bool:
            if self.infer_shapes() or set(self.addresses) != {*self.engine.inputs, *self.engine.outputs}:
                raise MisuseError("enqueued without all shapes and addresses")
            self.frozen = self.frozen or cuda.capturing is not None
            if module.refuse_enqueue:
                return False
            shapes, addresses, engine = dict(self.shapes), dict(self.addresses), self.engine

            def work() -> None:
                feed = {}
                for name in engine.inputs:
                    size = 4 * int(np.prod(shapes[name]))
                    feed[name] = cuda.at(addresses[name], size, "device").view(np.float32).reshape(shapes[name])
                for name, value in zip(engine.outputs, engine.session.run(engine.outputs, feed), strict=True):
                    cuda.at(addresses[name], value.nbytes, "device")[:] = value.view(np.uint8).ravel()

            cuda.put(stream, work)
            return True

    module = SimpleNamespace(
        ILogger=ILogger, Runtime=Runtime, ICudaEngine=ICudaEngine, IExecutionContext=IExecutionContext,
        IRuntimeConfig=IRuntimeConfig, IRuntimeCache=IRuntimeCache, DataType=SimpleNamespace(FLOAT="float32"),
        DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER="eager"),
        CudaGraphStrategy=SimpleNamespace(DISABLED="disabled"), out_of_memory=False, refuse_enqueue=False,
    )  # fmt: skip
    return module


def _context_gone(cuda: SimulatedCuda) -> None:
    cuda.contexts -= 1
