"""Which provider of ONNX Runtime an engine gets, with what the installed one knows: the processor's.

What a GPU would make of it is tested in tests/gpu.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from engines.backends import providers
from engines.backends.providers import PROVIDERS, Provider, gpu_session, why_not
from engines.errors import UserError
from engines.export.model_graph import model_graph
from engines.lifting.load_lifter import load_lifter
from engines.models.card import find_model

CPU = "CPUExecutionProvider"
RAYS, SCORE = np.zeros((1, 17, 2), np.float32), np.ones((1, 17), np.float32)


@pytest.fixture
def graph() -> bytes:
    return model_graph(*find_model("default"))


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> str:
    """A package as NVIDIA's, which names the processor's devices as its own."""
    module = ModuleType("plugin_of_the_test")
    module.get_ep_name = lambda: CPU  # type: ignore[attr-defined]
    module.get_library_path = lambda: "/there/plugin.so"  # type: ignore[attr-defined]
    module.__spec__ = providers.importlib.machinery.ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    registered: list[tuple[str, str]] = []
    monkeypatch.setattr(ort, "register_execution_provider_library", lambda *what: registered.append(what))
    monkeypatch.setattr(providers, "_registered", set())
    monkeypatch.setitem(PROVIDERS, "tensorrt-rtx", Provider("any", "install it", plugin=module.__name__))
    return module.__name__


@pytest.mark.parametrize("engine", PROVIDERS)
def test_an_engine_that_is_not_installed_says_what_to_install(engine: str) -> None:
    if not why_not(engine):
        pytest.skip(f"engine {engine} is installed here")
    with pytest.raises(UserError, match=r"does not run here: .*pip install"):
        load_lifter(engine=engine)


def test_the_processor_is_never_taken_instead(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would: a CUDA build without a GPU lists the provider and gives a session without it."""
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    asked: list[Any] = []

    def session(source: bytes, options: Any, providers: Any) -> Any:
        asked.append(providers)
        return real(source, options, providers=[CPU])

    monkeypatch.setattr(ort, "InferenceSession", session)
    with pytest.raises(UserError, match="finds no GPU, or not CUDA's libraries"):
        gpu_session("cuda", graph)
    assert asked == [[("CUDAExecutionProvider", {"use_tf32": "0"})]]


def test_a_provider_of_onnx_runtimes_own_lifts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "cuda", Provider(CPU, "install it"))
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    assert_lifts_as_the_processor("cuda")


def test_a_plugins_devices_lift_and_it_is_registered_once(plugin: str) -> None:
    assert why_not("tensorrt-rtx") == ""
    assert_lifts_as_the_processor("tensorrt-rtx")
    assert providers._registered == {plugin}


def test_a_plugin_without_a_device_names_the_gpu_it_needs(plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_ep_devices", list)
    assert "NVIDIA RTX GPU" in why_not("tensorrt-rtx")


def test_a_plugin_that_does_not_load_says_so(plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(ort, "register_execution_provider_library", fail)
    assert "does not load (libcudart.so.13" in why_not("tensorrt-rtx")


def assert_lifts_as_the_processor(engine: str) -> None:
    with load_lifter(engine=engine) as lifter, load_lifter(engine="onnxruntime") as reference:
        assert lifter.engine == engine
        got = lifter.push([lifter.open()], RAYS, SCORE).joints_m
        np.testing.assert_allclose(got, reference.push([reference.open()], RAYS, SCORE).joints_m, atol=1e-5)
