"""ONNX Runtime on a GPU: its own CUDA provider, or NVIDIA's TensorRT for RTX as a plugin; or why not here."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.backends.onnxruntime import session_options
from engines.errors import UserError


@dataclass(frozen=True, slots=True)
class Provider:
    """`plugin`: the module that brings it; "" where it is part of ONNX Runtime's own package. `advice` installs it."""

    name: str
    advice: str
    plugin: str = ""
    options: dict[str, str] = field(default_factory=dict)


PROVIDERS = {
    "cuda": Provider(
        "CUDAExecutionProvider",
        "pip install 'realtime-pose[cuda]', then pip uninstall -y onnxruntime and"
        " pip install --force-reinstall --no-deps onnxruntime-gpu (both hold the same files)",
        options={"use_tf32": "0"},  # which keeps ten bits of a factor: millimetres
    ),
    "tensorrt-rtx": Provider(
        "NvTensorRTRTXExecutionProvider", "pip install 'realtime-pose[tensorrt-rtx]'",
        plugin="onnxruntime_ep_nv_tensorrt_rtx",
    ),
}  # fmt: skip
_registered: set[str] = set()  # plugins; ONNX Runtime takes each once a process


def why_not(engine: str) -> str:
    """Why `engine`, one of PROVIDERS, does not run here, and what to do; "" where it may be tried."""
    provider = PROVIDERS[engine]
    if provider.plugin:
        if importlib.util.find_spec(provider.plugin) is None:
            return f"its package is not installed: {provider.advice}"
        try:
            found = bool(_devices(provider))
        except Exception as error:  # noqa: BLE001 ONNX Runtime raises its own bare exception types
            return f"its package does not load ({error}): {provider.advice}"
        return "" if found else "it finds no GPU that it runs on: an NVIDIA RTX GPU and its driver are needed"
    import onnxruntime as ort

    if provider.name not in ort.get_available_providers():
        return f"this ONNX Runtime is without it: {provider.advice}"
    return ""


def gpu_session(engine: str, graph: Path | bytes, threads: int = 1) -> Any:
    """An inference session on one of PROVIDERS. Raises UserError where that does not run here: never on the processor
    instead, as ONNX Runtime would have it."""
    import onnxruntime as ort

    why = why_not(engine)
    if why:
        raise UserError(f"engine {engine} does not run here: {why}")
    provider, options = PROVIDERS[engine], session_options(threads)
    source = graph if isinstance(graph, bytes) else str(graph)
    try:
        if provider.plugin:
            options.add_provider_for_devices(_devices(provider)[:1], provider.options)
            made = ort.InferenceSession(source, options)
        else:
            ort.preload_dlls()  # CUDA's libraries, where they came as packages
            made = ort.InferenceSession(source, options, providers=[(provider.name, provider.options)])
    except Exception as error:  # ONNX Runtime raises its own bare exception types
        raise UserError(f"engine {engine} cannot load the model ({error}): update the GPU's driver, or choose --engine"
                        " onnxruntime") from error  # fmt: skip
    wanted = importlib.import_module(provider.plugin).get_ep_name() if provider.plugin else provider.name
    if wanted not in made.get_providers():
        raise UserError(f"engine {engine} finds no GPU, or not CUDA's libraries: see 'nvidia-smi', or choose --engine"
                        " onnxruntime")  # fmt: skip
    return made


def _devices(provider: Provider) -> list[Any]:
    import onnxruntime as ort

    plugin = importlib.import_module(provider.plugin)
    if provider.plugin not in _registered:
        ort.register_execution_provider_library(plugin.get_ep_name(), plugin.get_library_path())
        _registered.add(provider.plugin)
    return [device for device in ort.get_ep_devices() if device.ep_name == plugin.get_ep_name()]
