"""Plans for a GPU made of software, and a model small enough to build again in every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.export.model_graph import export
from engines.models.card import ModelCard, save_model
from engines.models.normalise import FEATURES
from engines.models.receptive_field import tap_spans
from engines.plans.fingerprint import sha256_of
from engines.plans.plan import PlanCard, Tensor

FRAMES = 27


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user cache of the test's own."""
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelCard, Path]:
    """A streaming model of 27 frames and 16 channels with random weights, tamed to give poses of about a metre."""
    torch = pytest.importorskip("torch")
    from engines.models.card import STREAM
    from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN

    torch.manual_seed(1)
    module = StreamGLAGCN(StreamConfig(levels=3, channels=16))
    with torch.no_grad():
        for name, value in module.named_parameters():
            if name.endswith("past"):  # a fresh model's past counts for nothing
                value += 0.1 * torch.randn_like(value)
            value *= 0.05 if name.endswith(("theta", "phi")) else 0.7 if value.ndim == 2 else 1
        module.head_weight *= 3
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    card = ModelCard(STREAM, "tiny", FRAMES, 16, lookaheads=module.config.lookaheads)
    arrays = {key: value.numpy() for key, value in module.state_dict().items()}
    return save_model(arrays, card, path), path


@pytest.fixture(scope="session")
def paper_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelCard, Path]:
    """The paper's model with T = 27, 16 channels and random weights."""
    torch = pytest.importorskip("torch")
    from engines.models.card import PAPER
    from engines.models.gla_gcn import GLAGCN

    torch.manual_seed(2)
    module = GLAGCN((3, 3, 3), 16, 17, "individual").eval()
    path = tmp_path_factory.mktemp("paper") / "paper.safetensors"
    card = ModelCard(PAPER, "paper", FRAMES, 16, widths=(3, 3, 3))
    arrays = {key: value.numpy() for key, value in module.state_dict().items() if "num_batches" not in key}
    return save_model(arrays, card, path), path


@pytest.fixture
def simulated_plan(model: tuple[ModelCard, Path], plan_card: PlanCard) -> tuple[PlanCard, bytes]:
    """A step plan that the simulated TensorRT runs, and its card."""
    from simulated_tensorrt import HEADER

    plan = HEADER + export(*model, "step")
    return replace(plan_card, plan_bytes=len(plan), plan_sha256=sha256_of(plan)), plan


@pytest.fixture
def plan_card(model: tuple[ModelCard, Path]) -> PlanCard:
    from engines.plans.certificate import Certificate

    card = model[0]
    channels, rows = card.channels, len(tap_spans(card.levels, card.lookaheads))
    inputs = (Tensor("features", (-1, 17, FEATURES), "float32"),
              Tensor("taps", (rows, -1, 17, 2 * channels), "float32"))  # fmt: skip
    outputs = (Tensor("pose", (-1, 4, 17, 3), "float32"), Tensor("sigma", (-1, 4, 17), "float32"),
               Tensor("activations", (rows, -1, 17, channels), "float32"))  # fmt: skip
    parity = Certificate("torch", "onnxruntime", "none", 1000, 0.1, 0.01, "hip", 0.01, "max 1 mm", True)
    return PlanCard(
        model="tiny", source="tiny.safetensors", kind=card.kind, frames=27, lookaheads=card.lookaheads,
        weights_sha256=card.sha256, form="step", precision="fp32", conversion="as exported", runtime="rtx",
        runtime_version="1.7.1", via="onnx", targets=("sm86", "sm89"), batch=(1, 2, 6), inputs=inputs, outputs=outputs,
        onnx_sha256="", onnx_opset=18, opt_level=3, workspace_mib=None,
        motion="", forced=False, build_s=1.0, built_utc="2026-01-01T00:00:00+00:00", plan_bytes=0,
        plan_sha256="", fingerprint="", parity=parity,
    )  # fmt: skip


@pytest.fixture
def cuda() -> Any:
    from simulated_gpu import SimulatedCuda

    return SimulatedCuda()


@pytest.fixture
def runner(cuda: Any, simulated_plan: tuple[PlanCard, bytes]) -> Iterator[Callable[..., Any]]:
    """Makes PlanRunners on the simulated GPU and closes them; nothing may be left there."""
    from simulated_tensorrt import simulated_tensorrt

    from engines.backends.plan_runner import PlanRunner

    made = []

    def make(capturable: bool = True, **changes: Any) -> Any:
        card, plan = simulated_plan
        module = simulated_tensorrt(cuda, capturable)
        made.append(PlanRunner(replace(card, **changes), plan, api=cuda, module=module, gpu="sm86"))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert (cuda.memory, cuda.streams, cuda.ready, cuda.graphs, cuda.contexts) == ({}, set(), {}, {}, 0)
