"""Everything here runs a real plan on a real GPU, and is skipped, visibly, where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.machine.this_machine import INSTALL, Machine, this_machine
from engines.models.card import ModelCard, find_model
from engines.plans.build_tensorrt import BuildOptions
from engines.plans.compile_plan import PlanRequest, compile_plan, prepare
from engines.plans.plan import RTX_TARGETS
from engines.plans.synthetic_motion import synthetic_motion

REPORT = Path(__file__).resolve().parents[2] / "docs" / "results-gpu.md"


@pytest.fixture(scope="session")
def gpu() -> Machine:
    machine = this_machine()
    if machine.gpu is None:
        pytest.skip(f"no GPU: {machine.why_no_gpu}")
    if _runtime(machine) not in machine.runtimes:
        pytest.skip(f"no TensorRT for {machine.gpu}: {INSTALL[_runtime(machine)]}")
    return machine


def _runtime(machine: Machine) -> str:
    """TensorRT for RTX where it is installed and builds for this GPU, else TensorRT."""
    return "rtx" if "rtx" in machine.runtimes and machine.gpu in RTX_TARGETS else "tensorrt"


@pytest.fixture(scope="session")
def default_model() -> tuple[ModelCard, Path]:
    return find_model("default")


@pytest.fixture(scope="session")
def plan(request: pytest.FixtureRequest, gpu: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of the default model for this GPU, batch 1 to 64, in the precision that the test asks for."""
    options = BuildOptions(_runtime(gpu), ("current",), (1, 8, 64))
    path = tmp_path_factory.mktemp("plans") / f"{request.param}.plan"
    wanted = PlanRequest(precision=request.param, options=options, output=path, force=True)
    compile_plan(wanted, prepare(wanted, synthetic_motion(8, 32)))
    return path


@pytest.fixture(scope="session")
def report(gpu: Machine) -> Iterator[dict[str, Any]]:
    """Figures by name; written to docs/results-gpu.md when all tests are done."""
    figures: dict[str, Any] = {}
    yield figures
    lines = [f"# On {gpu.gpu_name} ({gpu.gpu})", "", f"`pytest tests/gpu`, runtimes {json.dumps(gpu.runtimes)}.", "",
             "| what | figure |", "|---|---|"]  # fmt: skip
    lines += [f"| {name} | {figure} |" for name, figure in sorted(figures.items())]
    REPORT.write_text("\n".join(lines) + "\n")
