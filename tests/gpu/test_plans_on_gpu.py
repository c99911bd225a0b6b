"""A real plan on a real GPU: poses, latency, memory, refusals. `pytest tests/gpu` writes docs/results-gpu.md."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.backends.base import step_shape
from engines.backends.onnxruntime import OnnxRuntimeStep
from engines.backends.tensorrt import TensorRTStep, open_plan, runner_for
from engines.errors import UserError
from engines.export.model_graph import model_graph
from engines.lifting.stream_lifter import StreamLifter
from engines.machine.cuda import Cuda
from engines.machine.this_machine import Machine
from engines.models.card import ModelCard
from engines.plans.plan import read_card, sidecar_path
from engines.plans.synthetic_motion import synthetic_motion

pytestmark = pytest.mark.gpu
Model = tuple[ModelCard, Path]
PRECISIONS = ["fp32", "fp16", "bf16", "int8"]
LIMIT_M = {"fp32": 1e-4, "fp16": 5e-3, "bf16": 5e-2, "int8": 0.5}


@pytest.fixture
def step(plan: Path, default_model: Model) -> Iterator[TensorRTStep]:
    backend = TensorRTStep(open_plan(plan, default_model[0], "step"), step_shape(default_model[0]))
    yield backend
    backend.close()


@pytest.mark.parametrize("plan", PRECISIONS, indirect=True)
@pytest.mark.parametrize("people", [1, 5])
def test_poses_equal_onnx_runtime(plan: Path, step: TensorRTStep, default_model: Model, people: int,
                                  report: dict[str, Any]) -> None:  # fmt: skip
    card, weights = default_model
    motion = synthetic_motion(people, 300, seed=4)
    worst = 0.0
    with StreamLifter(card, OnnxRuntimeStep(model_graph(card, weights), step_shape(card))) as reference:
        lifter = StreamLifter(card, step)
        streams = [(lifter.open(), reference.open())[0] for _ in range(people)]
        for t in range(300):
            got = lifter.push(streams, motion.rays[:, t], motion.score[:, t]).joints_m
            expected = reference.push(streams, motion.rays[:, t], motion.score[:, t]).joints_m
            worst = max(worst, float(np.linalg.norm(got - expected, axis=-1).max()))
    precision = read_card(plan).precision
    report[f"{precision}, {people} people: largest joint error against ONNX Runtime"] = f"{worst * 1000:.4f} mm"
    assert worst < LIMIT_M[precision]


@pytest.mark.parametrize("plan", PRECISIONS, indirect=True)
@pytest.mark.parametrize("people", [1, 8, 64])
def test_latency(plan: Path, step: TensorRTStep, people: int, report: dict[str, Any]) -> None:
    memory = step.memory(people)
    memory.grow(people)
    slots = list(range(people))
    times_ms = []
    for frame in range(600):
        started = time.perf_counter()
        memory.gather(slots)
        step.run(people)
        memory.store(slots, [True] * people)
        if frame >= 100:
            times_ms.append((time.perf_counter() - started) * 1000)
    median, slow, slowest = np.percentile(times_ms, [50, 99, 100])
    name = f"{read_card(plan).precision}, {people} people: a step with taps on the GPU"
    report[name] = f"{median:.3f} ms median, {slow:.3f} p99, {slowest:.3f} worst of {len(times_ms)}"
    assert np.isfinite(step.buffers(people).pose).all()


@pytest.mark.parametrize("plan", ["fp32"], indirect=True)
def test_nothing_leaks(plan: Path, default_model: Model, report: dict[str, Any]) -> None:
    free = []
    for _ in range(8):
        backend = TensorRTStep(open_plan(plan, default_model[0], "step"), step_shape(default_model[0]))
        backend.memory(4)
        for people in (1, 3, 8):
            backend.run(people)
        backend.close()
        code, unused, _ = Cuda().api.cudaMemGetInfo()
        assert code == Cuda().api.cudaError_t.cudaSuccess
        free.append(unused)
    report["device memory lost over 7 loads and closes"] = f"{(free[0] - free[-1]) / 2**20:.1f} MiB"
    assert free[0] - free[-1] < 2**20


@pytest.mark.parametrize("plan", ["fp32"], indirect=True)
def test_a_stale_plan_is_refused(plan: Path, default_model: Model, gpu: Machine, tmp_path: Path) -> None:
    card = read_card(plan)
    for old, words in (
        (replace(card, runtime_version="1.0"), "was built by"), (replace(card, targets=("sm1",)), "was built for sm1"),
    ):  # fmt: skip
        copy = tmp_path / "a.plan"
        copy.write_bytes(plan.read_bytes())
        sidecar_path(copy).write_bytes(old.to_json())
        with pytest.raises(UserError, match=words):
            open_plan(copy, default_model[0], "step")
        runner, why = runner_for(default_model[0], "step", "auto", copy)
        assert runner is None
        assert words in why
