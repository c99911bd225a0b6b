"""A TensorRT plan on the GPU, with either module (`tensorrt_rtx`, `tensorrt`).

Device buffers are allocated once. A batch runs padded to the next of a few sizes, each with its own execution context
and captured CUDA graph: a context must not change after its graph was captured. Kernels that TensorRT for RTX compiles
on this GPU are kept in the user cache.
"""

from __future__ import annotations

import importlib
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.errors import UserError
from engines.machine.cache import jit_cache_path
from engines.machine.cuda import Cuda, CudaError
from engines.machine.this_machine import MODULES
from engines.plans.plan import PlanCard
from engines.plans.tensorrt_log import Kept, collecting_logger
from engines.write_aside import write_all

if TYPE_CHECKING:
    import tensorrt_rtx as trt

log = logging.getLogger("realtime.tensorrt")


@dataclass(eq=False)
class _Size:
    """One padded batch size: its context, and its graph where the stream can be captured."""

    context: trt.IExecutionContext
    graph: Any = None


@dataclass(eq=False)
class _Loaded:
    """What TensorRT holds of a plan; dropped in one go."""

    runtime: trt.Runtime
    engine: trt.ICudaEngine
    config: trt.IRuntimeConfig | None = None


class PlanRunner:
    """A plan on the GPU: fixed device buffers by tensor name, and `run` for a padded batch size."""

    def __init__(self, card: PlanCard, plan: bytes, *, api: Any = None, module: Any = None, gpu: str = "") -> None:
        self.card = card
        self._module: Any = module or importlib.import_module(MODULES[card.runtime])
        self._complaints: list[str] = []
        self._kept = Kept()
        self._sizes: dict[int, _Size] = {}
        self.cuda = Cuda(api)
        self._jit_path = jit_cache_path(card.plan_sha256, gpu) if card.runtime == "rtx" else None
        try:
            self._loaded: _Loaded | None = self._load(plan)
            low, _, high = card.batch
            self.sizes = tuple(sorted({low, high, *(1 << power for power in range(12) if low < 1 << power < high)}))
            self.addresses = {tensor.name: self.cuda.allocate(self.floats(tensor.name, high))
                              for tensor in (*card.inputs, *card.outputs)}  # fmt: skip
        except BaseException:
            self.close()
            raise

    def floats(self, name: str, rows: int) -> int:
        tensor = next(item for item in (*self.card.inputs, *self.card.outputs) if item.name == name)
        return math.prod(rows if axis == -1 else axis for axis in tensor.shape)

    def padded(self, batch: int) -> int:
        """The size that runs `batch` rows. Raises ValueError beyond the plan's batch profile."""
        for size in self.sizes:
            if batch <= size:
                return size
        raise ValueError(f"{batch} streams at once, the plan takes {self.card.batch[2]}: push them in turns")

    def run(self, rows: int) -> None:
        """Enqueue the plan for a padded size. What it computed is there after `cuda.synchronise`."""
        size = self._sizes.get(rows) or self._prepare(rows)
        if size.graph is not None:
            self.cuda.replay(size.graph)
        else:
            self._enqueue(size.context)

    def close(self) -> None:
        """Keep what was compiled, then give everything back: graphs, contexts, engine, memory."""
        try:
            if self._sizes:
                self._keep_jit_cache()
            while self._sizes:
                graph = self._sizes.popitem()[1].graph  # the context goes here, before the engine
                if graph is not None:
                    self.cuda.release_graph(graph)
        finally:
            self._sizes.clear()
            self._loaded = None
            self.cuda.close()

    def _load(self, plan: bytes) -> _Loaded:
        self.cuda.stream  # noqa: B018 - makes a CUDA context, which TensorRT expects
        runtime: trt.Runtime = self._module.Runtime(collecting_logger(self._module, self._complaints, self._kept))
        engine: trt.ICudaEngine = self._required(runtime.deserialize_cuda_engine(plan), "read the plan")
        self._check_tensors(engine)
        return _Loaded(runtime, engine, self._runtime_config(engine))

    def _new_context(self) -> trt.IExecutionContext:
        if self._loaded is None:
            raise ValueError("the plan is closed")
        engine, config = self._loaded.engine, self._loaded.config
        context: trt.IExecutionContext = self._required(
            engine.create_execution_context() if config is None else engine.create_execution_context(config),
            "make an execution context",
        )
        return context

    def _prepare(self, rows: int) -> _Size:
        """A context with shapes and addresses set, run once (it compiles and loads), then captured."""
        context = self._new_context()
        for tensor in self.card.inputs:
            shape = tuple(rows if axis == -1 else axis for axis in tensor.shape)
            self._required(context.set_input_shape(tensor.name, shape), f"set {tensor.name} to {shape}")
        for name, address in self.addresses.items():
            self._required(context.set_tensor_address(name, address), f"set the address of {name}")
        missing = context.infer_shapes()
        if missing:
            raise CudaError(f"TensorRT lacks the shapes of {', '.join(missing)}")
        size = _Size(context)
        self._enqueue(context)
        self.cuda.synchronise()
        if self.card.runtime != "rtx" or context.is_stream_capturable(int(self.cuda.stream)):
            size.graph = self.cuda.capture(lambda: self._enqueue(context))
        else:
            log.info("%d rows: this plan cannot be captured as a CUDA graph, it is enqueued each time", rows)
        self._sizes[rows] = size
        return size

    def _enqueue(self, context: trt.IExecutionContext) -> None:
        self._required(context.execute_async_v3(int(self.cuda.stream)), "enqueue the plan")

    def _required(self, result: Any, what: str) -> Any:
        """TensorRT answers False or None on failure and tells the reason to its logger."""
        self._kept.check()
        if result is None or result is False:
            reason = self._complaints[-1] if self._complaints else "no reason given"
            raise CudaError(f"TensorRT could not {what}: {reason}")
        return result

    def _check_tensors(self, engine: trt.ICudaEngine) -> None:
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        expected = [tensor.name for tensor in (*self.card.inputs, *self.card.outputs)]
        if sorted(names) != sorted(expected):
            raise UserError(f"the plan's tensors are {sorted(names)}, its card says {sorted(expected)}:"
                            f" {self.card.rebuild()}")  # fmt: skip
        for tensor in (*self.card.inputs, *self.card.outputs):
            if engine.get_tensor_dtype(tensor.name) != self._module.DataType.FLOAT:
                raise UserError(f"the plan's {tensor.name} is not float32: {self.card.rebuild()}")

    def _runtime_config(self, engine: trt.ICudaEngine) -> trt.IRuntimeConfig | None:
        if self._jit_path is None:
            return None
        config: trt.IRuntimeConfig = self._required(engine.create_runtime_config(), "make a runtime configuration")
        # Kernels for the exact shapes before the first answer: a graph captured earlier would keep the slow ones.
        config.dynamic_shapes_kernel_specialization_strategy = (
            self._module.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        config.cuda_graph_strategy = self._module.CudaGraphStrategy.DISABLED  # captured here instead
        cache = config.create_runtime_cache()
        if self._jit_path.exists() and not cache.deserialize(self._jit_path.read_bytes()):
            log.info("%s is of another driver or version: kernels are compiled again", self._jit_path)
        self._required(config.set_runtime_cache(cache), "use a runtime cache")
        return config

    def _keep_jit_cache(self) -> None:
        if self._jit_path is None or self._loaded is None or self._loaded.config is None:
            return
        cache = self._loaded.config.get_runtime_cache()
        try:
            write_all({self._jit_path: bytes(cache.serialize())})
        except UserError as error:  # the next start compiles again: slower, not wrong
            log.warning("%s", error)
