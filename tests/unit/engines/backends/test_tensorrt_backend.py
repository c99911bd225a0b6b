"""The backend on a GPU in software: the poses of ONNX Runtime, the right calls in order, nothing left behind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated_gpu import Code, MisuseError, SimulatedCuda
from simulated_tensorrt import HEADER, simulated_tensorrt

from engines.backends.base import step_shape
from engines.backends.onnxruntime import OnnxRuntimeStep
from engines.backends.plan_runner import PlanRunner
from engines.backends.tensorrt import TensorRTStep, TensorRTWindow, runner_for
from engines.backends.window import OnnxRuntimeWindow
from engines.errors import UserError
from engines.export.model_graph import export
from engines.lifting.stream_lifter import StreamLifter
from engines.lifting.window_lifter import WindowLifter
from engines.machine.cache import jit_cache_path, plans_dir
from engines.machine.cuda import Cuda, CudaError
from engines.machine.this_machine import Machine
from engines.models.card import ModelCard
from engines.plans.plan import Tensor, sidecar_path
from engines.plans.synthetic_motion import synthetic_motion
from engines.write_aside import write_all

Model = tuple[ModelCard, Path]
Make = Callable[..., Any]


def _same_lift(model: Model, backend: Any, people: int = 5, frames: int = 60) -> None:
    """Streams that start, stop, skip commits and share calls: both backends give the same poses."""
    motion = synthetic_motion(people, frames, seed=3)
    reference = StreamLifter(model[0], OnnxRuntimeStep(export(*model, "step"), step_shape(model[0])), 2)
    with StreamLifter(model[0], backend, 2) as lifter, reference:
        for one in (lifter, reference):
            for _ in range(people):
                one.open()
        rng = np.random.default_rng(0)
        for t in range(frames):
            streams = sorted(rng.choice(people, rng.integers(1, people + 1), replace=False).tolist())
            commit = (rng.random(len(streams)) < 0.8).tolist()
            if t == frames // 2:
                lifter.reset(1)
                reference.reset(1)
            arrays = (motion.rays[streams, t], motion.score[streams, t], commit)
            got, expected = lifter.push(streams, *arrays), reference.push(streams, *arrays)
            np.testing.assert_allclose(got.joints_m, expected.joints_m, atol=1e-5)
            np.testing.assert_allclose(got.sigma_m, expected.sigma_m, atol=1e-5)


def test_poses_equal_onnx_runtime_with_taps_from_the_host(model: Model, runner: Make) -> None:
    _same_lift(model, TensorRTStep(runner(), step_shape(model[0])))


@pytest.mark.parametrize("batch", [(1, 1, 1), (1, 2, 2), (2, 3, 4)])
def test_more_people_than_the_plans_batch_take_turns(
    model: Model, runner: Make, batch: tuple[int, int, int], caplog: pytest.LogCaptureFixture
) -> None:
    _same_lift(model, TensorRTStep(runner(batch=batch), step_shape(model[0])), frames=30)
    assert f"takes {batch[2]} of 5 streams at once" in caplog.text
    assert "--batch 1,5,5" in caplog.text


def test_a_plan_that_cannot_be_captured_is_enqueued_each_time(model: Model, runner: Make, cuda: SimulatedCuda) -> None:
    _same_lift(model, TensorRTStep(runner(capturable=False), step_shape(model[0])), frames=8)
    assert "cudaGraphLaunch" not in cuda.calls


def test_a_frame_is_upload_replay_download_wait(model: Model, runner: Make, cuda: SimulatedCuda) -> None:
    step = TensorRTStep(runner(), step_shape(model[0]))
    step.memory()
    step.run(2)  # prepares: enqueue, capture
    assert cuda.calls.index("cudaStreamBeginCapture") < cuda.calls.index("cudaGraphInstantiate")
    cuda.calls.clear()
    step.run(2)
    assert cuda.calls == [
        "cudaMemcpyAsync", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemcpyAsync", "cudaStreamSynchronize",
    ]  # fmt: skip


def test_batches_run_padded_to_few_sizes(runner: Make) -> None:
    plan = runner()
    assert plan.sizes == (1, 2, 4, 6)
    assert [plan.padded(batch) for batch in range(1, 7)] == [1, 2, 4, 4, 6, 6]
    with pytest.raises(ValueError, match="7 streams at once, the plan takes 6"):
        plan.padded(7)


def test_device_memory_is_allocated_once(model: Model, runner: Make, cuda: SimulatedCuda) -> None:
    step = TensorRTStep(runner(), step_shape(model[0]))
    for batch in (1, 6):
        step.run(batch)
    cuda.calls.clear()
    for batch in (1, 6, 1):
        step.run(batch)
    assert not {"cudaMalloc", "cudaHostAlloc", "cudaGraphInstantiate"} & set(cuda.calls)


def test_compiled_kernels_are_kept_and_found_again(model: Model, runner: Make, cache: Path) -> None:
    plan = runner()
    TensorRTStep(plan, step_shape(model[0])).run(1)
    plan.close()
    assert [path.read_bytes() for path in (cache / "jit").iterdir()] == [b"compiled"]
    again = runner()
    assert again._loaded.config.cache.blob == b"compiled"


def test_a_cache_of_another_driver_is_left_alone(runner: Make, cache: Path) -> None:
    plan = runner()
    path = jit_cache_path(plan.card.plan_sha256, "sm86")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"of another driver")
    plan.close()
    assert runner()._loaded.config.cache.blob == b""


@pytest.mark.parametrize("call", ["cudaMalloc", "cudaStreamCreateWithFlags", "cudaMemsetAsync"])
def test_a_failure_while_loading_gives_everything_back(runner: Make, cuda: SimulatedCuda, call: str) -> None:
    cuda.fail[call] = Code.cudaErrorMemoryAllocation
    with pytest.raises(CudaError, match=f"{call}: cudaErrorMemoryAllocation"):
        runner()
    assert cuda.memory == {}


@pytest.mark.parametrize("call", [
    "cudaMemcpyAsync", "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch",
])  # fmt: skip
def test_every_failed_call_is_told(model: Model, runner: Make, cuda: SimulatedCuda, call: str) -> None:
    step = TensorRTStep(runner(), step_shape(model[0]))
    cuda.fail[call] = Code.cudaErrorMemoryAllocation
    with pytest.raises(CudaError, match=call):
        step.run(1)
    cuda.fail.clear()
    cuda.capturing = None


def test_tensorrt_refusals_are_told_with_its_reason(model: Model, runner: Make, simulated_plan: Any) -> None:
    plan = runner()
    plan._module.refuse_enqueue = True
    with pytest.raises(CudaError, match="could not enqueue the plan"):
        plan.run(1)
    plan._module.refuse_enqueue, plan._module.out_of_memory = False, True
    with pytest.raises(CudaError, match="could not make an execution context"):
        plan.run(2)


def test_bytes_that_are_no_plan_are_refused_with_tensorrts_words(cuda: SimulatedCuda, plan_card: Any) -> None:
    with pytest.raises(CudaError, match="could not read the plan: the magic tag does not match"):
        PlanRunner(plan_card, b"garbage", api=cuda, module=simulated_tensorrt(cuda))
    assert (cuda.memory, cuda.streams) == ({}, set())


def test_a_plan_whose_tensors_are_not_its_cards_is_refused(runner: Make, plan_card: Any) -> None:
    with pytest.raises(UserError, match="tensors"):
        runner(inputs=plan_card.inputs[:1])


def test_closing_twice_is_harmless(runner: Make) -> None:
    plan = runner()
    plan.run(1)
    plan.cuda.synchronise()
    plan.close()
    plan.close()


@pytest.mark.parametrize("forgotten", ["set_input_shape", "set_tensor_address"])
def test_the_simulation_notices_a_missing_call(runner: Make, monkeypatch: pytest.MonkeyPatch, forgotten: str) -> None:
    plan = runner()
    monkeypatch.setattr(plan._module.IExecutionContext, forgotten, lambda *_: True)
    with pytest.raises((MisuseError, CudaError), match=r"without all shapes|lacks the shapes"):
        plan.run(1)


def test_the_simulation_notices_reading_before_the_wait(model: Model, runner: Make, monkeypatch: Any) -> None:
    step = TensorRTStep(runner(), step_shape(model[0]))
    step.run(1)
    expected = step.buffers(1).pose.copy()
    step.buffers(1).features[:] = 1
    monkeypatch.setattr(step._cuda, "synchronise", lambda: None)
    step.run(1)
    np.testing.assert_array_equal(step.buffers(1).pose, expected)  # nothing has run yet
    monkeypatch.undo()
    step._cuda.synchronise()
    assert not np.array_equal(step.buffers(1).pose, expected)


def test_the_simulation_has_the_real_names() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime")
    real = pytest.importorskip("tensorrt_rtx")
    calls = [name for name, _ in inspect.getmembers(SimulatedCuda, callable) if name.startswith("cuda")]
    assert [name for name in calls if not hasattr(runtime, name)] == []
    simulated = simulated_tensorrt(SimulatedCuda())
    for name in ("Runtime", "ICudaEngine", "IExecutionContext", "IRuntimeConfig", "IRuntimeCache"):
        methods = [method for method in vars(getattr(simulated, name)) if not method.startswith("_")]
        assert [method for method in methods if not hasattr(getattr(real, name), method)] == [], name


def _on_the_simulated_gpu(monkeypatch: pytest.MonkeyPatch, cuda: SimulatedCuda) -> None:
    simulated = functools.partial(PlanRunner, api=cuda, module=simulated_tensorrt(cuda))
    monkeypatch.setattr("engines.backends.tensorrt.PlanRunner", simulated)


def test_auto_opens_the_plan_it_finds(
    model: Model, cuda: SimulatedCuda, simulated_plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_the_simulated_gpu(monkeypatch, cuda)
    card, plan = simulated_plan
    path = plans_dir() / "tiny.plan"
    write_all({path: plan, sidecar_path(path): card.to_json()})
    machine = Machine("sm86", "Simulated GPU", runtimes={"rtx": card.runtime_version})
    runner, why = runner_for(model[0], "step", "auto", machine=lambda: machine)
    assert runner is not None
    assert why == "tiny.plan fits this Simulated GPU"
    _same_lift(model, TensorRTStep(runner, step_shape(model[0])), frames=5)


def test_a_damaged_plan_does_not_hide_a_good_one(
    model: Model, cuda: SimulatedCuda, simulated_plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_the_simulated_gpu(monkeypatch, cuda)
    card, plan = simulated_plan
    path, best = plans_dir() / "tiny.plan", plans_dir() / "best.plan"
    exact = replace(card, parity=replace(card.parity, mean_mm=0.0))
    write_all({path: plan, sidecar_path(path): card.to_json(), best: b"", sidecar_path(best): exact.to_json()})
    machine = Machine("sm86", "Simulated GPU", runtimes={"rtx": card.runtime_version})
    runner, why = runner_for(model[0], "step", "auto", machine=lambda: machine)
    assert runner is not None
    runner.close()
    assert why == "tiny.plan fits this Simulated GPU"


def test_a_gpu_without_memory_left_sends_auto_to_onnx_runtime(
    model: Model, cuda: SimulatedCuda, simulated_plan: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _on_the_simulated_gpu(monkeypatch, cuda)
    cuda.fail["cudaMalloc"] = Code.cudaErrorMemoryAllocation
    card, plan = simulated_plan
    path = tmp_path / "tiny.plan"
    write_all({path: plan, sidecar_path(path): card.to_json()})
    machine = Machine("sm86", "Simulated GPU", runtimes={"rtx": card.runtime_version})
    runner, why = runner_for(model[0], "step", "auto", path, lambda: machine)
    assert runner is None
    assert "does not run on Simulated GPU: cudaMalloc: cudaErrorMemoryAllocation" in why


@pytest.mark.parametrize("batch", [(1, 2, 6), (1, 1, 1)])
def test_a_window_plan_runs_the_papers_model(
    paper_model: Model, cuda: SimulatedCuda, plan_card: Any, cache: Path, batch: tuple[int, int, int]
) -> None:
    graph = export(*paper_model, "window")
    tensors = (Tensor("features", (-1, 27, 17, 2), "float32"),), (Tensor("pose", (-1, 1, 17, 3), "float32"),)
    card = replace(plan_card, form="window", batch=batch, inputs=tensors[0], outputs=tensors[1])
    module = simulated_tensorrt(cuda)
    runner = PlanRunner(card, HEADER + graph, api=cuda, module=module, gpu="sm86")
    reference = WindowLifter(paper_model[0], OnnxRuntimeWindow(graph, 27, 17))
    motion = synthetic_motion(3, 8)
    with WindowLifter(paper_model[0], TensorRTWindow(runner)) as lifter, reference:
        streams = [(lifter.open(), reference.open())[0] for _ in range(3)]
        for t in range(8):
            arrays = motion.rays[:, t], motion.score[:, t]
            got, expected = lifter.push(streams, *arrays), reference.push(streams, *arrays)
            np.testing.assert_allclose(got.joints_m, expected.joints_m, atol=1e-4)
    assert (cuda.memory, cuda.streams, cuda.contexts) == ({}, set(), 0)


def test_what_the_machine_says_of_itself(cuda: SimulatedCuda) -> None:
    assert Cuda(cuda).describe() == ("sm86", "Simulated GPU")
    cuda.fail["cudaGetDeviceCount"] = Code.cudaErrorInsufficientDriver
    with pytest.raises(CudaError, match="cudaGetDeviceCount: cudaErrorInsufficientDriver"):
        Cuda(cuda).describe()
