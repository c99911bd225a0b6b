"""An ONNX graph becomes a serialised TensorRT plan. TensorRT for RTX does this without a GPU."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import UserError
from engines.machine.this_machine import INSTALL, MODULES, Machine
from engines.plans.plan import RTX_TARGETS, Tensor
from engines.plans.tensorrt_log import Kept, collecting_logger
from engines.write_aside import write_all

if TYPE_CHECKING:
    import tensorrt_rtx as trt

DEFAULT_TARGETS = ("sm80", "sm86", "sm89", "sm120")
MAX_BATCH = 1024
MAX_WORKSPACE_MIB = 1 << 20
Progress = Callable[[str, int, int], None]  # phase, steps done, steps in all


@dataclass(frozen=True)
class BuildOptions:
    runtime: str = "rtx"  # rtx | tensorrt
    targets: tuple[str, ...] = ()  # none: the usual ones of rtx; tensorrt knows only the GPU it builds on
    batch: tuple[int, int, int] = (1, 1, 1)  # smallest, best, largest
    workspace_mib: int | None = None
    opt_level: int = 3
    timing_cache: Path | None = None

    def __post_init__(self) -> None:
        if self.runtime not in MODULES:
            raise UserError(f"--runtime is {self.runtime!r}: choose one of {', '.join(MODULES)}")
        known = self.runtime == "tensorrt" or set(self.targets) <= {*RTX_TARGETS, "current"}
        if not known or len(set(self.targets)) != len(self.targets):
            raise UserError(f"--target is {','.join(self.targets)!r}: give some of {','.join(RTX_TARGETS)}, or current;"
                            " for other GPUs there is --runtime tensorrt")  # fmt: skip
        if "current" in self.targets and len(self.targets) > 1:
            raise UserError("--target current stands alone: name the other GPUs' architectures instead")
        low, best, high = self.batch
        if not 1 <= low <= best <= high <= MAX_BATCH:
            raise UserError(f"--batch is {low},{best},{high}: give smallest, best and largest, each 1 to {MAX_BATCH}")
        if not 0 <= self.opt_level <= 5:
            raise UserError(f"--opt-level is {self.opt_level}: choose 0 to 5")
        if self.workspace_mib is not None and not 1 <= self.workspace_mib <= MAX_WORKSPACE_MIB:
            raise UserError(f"--workspace is {self.workspace_mib}: give MiB, 1 to {MAX_WORKSPACE_MIB}")
        if self.runtime == "rtx" and self.timing_cache:
            raise UserError("--timing-cache has no use with --runtime rtx, which times nothing at build: it compiles"
                            " kernels on the GPU at first use and keeps them in the user cache")  # fmt: skip


@dataclass(frozen=True)
class Built:
    plan: bytes
    build_s: float
    runtime_version: str
    targets: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: dict[str, int]


def require_buildable(options: BuildOptions, precision: str, machine: Machine) -> tuple[str, ...]:
    """The targets to build for. Raises UserError, before any work, for what cannot be built on this machine."""
    if importlib.util.find_spec(MODULES[options.runtime]) is None:
        raise UserError(f"--runtime {options.runtime} needs the package {MODULES[options.runtime]}:"
                        f" {INSTALL[options.runtime]}")  # fmt: skip
    if options.runtime == "tensorrt" or options.targets == ("current",):
        if machine.gpu is None:
            what = "--runtime tensorrt builds" if options.runtime == "tensorrt" else "--target current means"
            raise UserError(f"{what} for the GPU of this machine, and {machine.why_no_gpu}:"
                            " name the GPUs instead, for example --runtime rtx --target sm86")  # fmt: skip
        if options.runtime == "rtx" and machine.gpu not in RTX_TARGETS:
            raise UserError(f"TensorRT for RTX does not build for {machine.gpu} ({machine.gpu_name}):"
                            " use --runtime tensorrt")  # fmt: skip
        if not set(options.targets) <= {"current", machine.gpu}:
            raise UserError(f"--runtime tensorrt builds for the GPU of this machine, {machine.gpu}, not"
                            f" {','.join(options.targets)}: use --target current")  # fmt: skip
        return (machine.gpu,)
    targets = options.targets or DEFAULT_TARGETS
    if "sm75" in targets and precision != "fp16":
        raise UserError(f"sm75 (Turing) has only FP16 matrix products in TensorRT for RTX, not {precision}:"
                        " use --precision fp16 for it, or leave sm75 out")  # fmt: skip
    return targets


def build(onnx: bytes, options: BuildOptions, targets: tuple[str, ...], progress: Progress | None = None) -> Built:
    """Build the plan of a strongly typed graph whose batch axes are dynamic (-1).

    Raises UserError with the parser's or the builder's first complaint, and whatever `progress` raises. Ctrl-C ends it
    at the builder's next step.
    """
    module: Any = importlib.import_module(MODULES[options.runtime])
    complaints: list[str] = []
    kept = Kept()
    logger = collecting_logger(module, complaints, kept)
    builder: trt.Builder = module.Builder(logger)
    network: trt.INetworkDefinition = builder.create_network(0)
    parser: trt.OnnxParser = module.OnnxParser(network, logger)
    if not parser.parse(onnx):
        raise UserError(f"TensorRT cannot read the exported graph: {parser.get_error(0).desc()}")
    config = _config(module, builder, network, options, targets)
    config.progress_monitor = _monitor(module, progress or _silent, kept)
    started = time.perf_counter()
    plan = builder.build_serialized_network(network, config)
    kept.check()
    if plan is None:
        reason = complaints[0] if complaints else "it gives no reason"
        if "Turing" in reason:
            reason = ("sm75 (Turing) has no FP32 matrix products, and this precision keeps some: leave sm75 out, or"
                      " convert everything with --precision fp16 --force")  # fmt: skip
        raise UserError(f"TensorRT cannot build this plan: {reason}")
    if options.timing_cache is not None:
        write_all({options.timing_cache: bytes(config.get_timing_cache().serialize())})
    inputs = tuple(_tensor(network.get_input(i)) for i in range(network.num_inputs))
    outputs = tuple(_tensor(network.get_output(i)) for i in range(network.num_outputs))
    seconds = time.perf_counter() - started
    return Built(bytes(plan), seconds, module.__version__, targets, inputs, outputs, _layers(network))


def _config(module: Any, builder: trt.Builder, network: trt.INetworkDefinition, options: BuildOptions,
            targets: tuple[str, ...]) -> trt.IBuilderConfig:  # fmt: skip
    config = builder.create_builder_config()
    config.builder_optimization_level = options.opt_level
    config.profiling_verbosity = module.ProfilingVerbosity.DETAILED
    # TF32 is on by default: it would round fp32 products to 10 bits behind the certificate's back.
    config.clear_flag(module.BuilderFlag.TF32)
    if options.workspace_mib is not None:
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    if options.runtime == "rtx":
        config.num_compute_capabilities = len(targets)
        for index, target in enumerate(targets):
            if not config.set_compute_capability(getattr(module.ComputeCapability, target.upper()), index):
                raise UserError(f"TensorRT for RTX refuses {target} as a target: leave it out of --target")
    elif options.timing_cache is not None:
        known = options.timing_cache.read_bytes() if options.timing_cache.exists() else b""
        if not config.set_timing_cache(config.create_timing_cache(known), False):
            raise UserError(f"{options.timing_cache} does not fit this GPU and TensorRT: delete it")
    _add_batch_profile(module, builder, network, config, options.batch)
    return config


def _add_batch_profile(module: Any, builder: trt.Builder, network: trt.INetworkDefinition,
                       config: trt.IBuilderConfig, batch: tuple[int, int, int]) -> None:  # fmt: skip
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = _shape(tensor)
        if -1 not in shape:
            raise UserError(f"the graph's input {tensor.name} has a fixed batch: export it with a dynamic one")
        low, best, high = (module.Dims([n if axis == -1 else axis for axis in shape]) for n in batch)
        profile.set_shape(tensor.name, low, best, high)
    if config.add_optimization_profile(profile) < 0:
        raise UserError(f"TensorRT refuses the batch profile {batch}: choose another --batch")


def _tensor(tensor: trt.ITensor) -> Tensor:
    return Tensor(tensor.name, _shape(tensor), _type_name(tensor.dtype))


def _shape(tensor: trt.ITensor) -> tuple[int, ...]:
    return tuple(tensor.shape[axis] for axis in range(len(tensor.shape)))


def _type_name(dtype: trt.DataType) -> str:
    name = str(dtype.name)
    return {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16"}.get(name, name.lower())


def _layers(network: trt.INetworkDefinition) -> dict[str, int]:
    """How many layers of each operation and type the builder was given: proof of what was converted."""
    count: Counter[str] = Counter()
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.num_outputs and (output := layer.get_output(0)) is not None:
            count[f"{layer.type.name.lower()} {_type_name(output.dtype)}"] += 1
    return dict(sorted(count.items()))


def _silent(phase: str, done: int, steps: int) -> None: ...


def _monitor(module: Any, progress: Progress, kept: Kept) -> trt.IProgressMonitor:
    """Reports the outermost phase: the inner ones come and go too fast to read. Stops the build once `kept` has any."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            with kept:
                if parent is None or len(self.steps) < 2:
                    self.steps[phase] = steps
                    progress(phase, 0, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            with kept:
                if phase in self.steps:
                    progress(phase, step + 1, self.steps[phase])
            return kept.error is None

        def phase_finish(self, phase: str) -> None:
            with kept:
                if (steps := self.steps.pop(phase, None)) is not None:
                    progress(phase, steps, steps)

    return Monitor()
