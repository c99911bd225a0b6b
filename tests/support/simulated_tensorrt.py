"""TensorRT for RTX in software, on a SimulatedCuda: a plan is ONNX bytes behind a header, run by ONNX Runtime."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
from simulated_gpu import MisuseError, SimulatedCuda

HEADER = b"SIMULATED PLAN\n"


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
