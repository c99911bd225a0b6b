"""What this machine can run: its GPU, its driver, the TensorRT packages installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata

MODULES = {"rtx": "tensorrt_rtx", "tensorrt": "tensorrt"}
INSTALL = {
    "rtx": "pip install 'realtime-pose[tensorrt]'",
    "tensorrt": "pip install tensorrt (from NVIDIA's package index, on a machine with an NVIDIA GPU)",
}


@dataclass(frozen=True)
class Machine:
    """`gpu` is the compute capability (`sm86`), None without a usable one; then `why_no_gpu` is a sentence's end."""

    gpu: str | None
    gpu_name: str = ""
    why_no_gpu: str = ""
    runtimes: dict[str, str] = field(default_factory=dict)  # rtx | tensorrt -> version


@cache
def this_machine() -> Machine:
    runtimes = {}
    for runtime, module in MODULES.items():
        if importlib.util.find_spec(module) is not None:
            runtimes[runtime] = metadata.version(module)
    gpu, detail = probe_gpu()
    if gpu is None:
        return Machine(None, why_no_gpu=detail, runtimes=runtimes)
    return Machine(gpu, detail, runtimes=runtimes)


def probe_gpu() -> tuple[str | None, str]:
    """(`sm86`, GPU name), or (None, why not)."""
    if importlib.util.find_spec("cuda") is None or importlib.util.find_spec("cuda.bindings") is None:
        return None, f"cuda-python is not installed ({INSTALL['rtx']})"
    from engines.machine.cuda import Cuda, CudaError

    try:
        return Cuda().describe()
    except CudaError as error:
        return None, f"no NVIDIA GPU or driver is usable here ({error})"
