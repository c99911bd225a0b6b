"""Real plans, built here by TensorRT for RTX without a GPU, through the command's own code; and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.errors import UserError
from engines.export.model_graph import export
from engines.machine.this_machine import Machine
from engines.models.card import ModelCard
from engines.plans.build_tensorrt import BuildOptions, build, require_buildable
from engines.plans.certificate import LIMITS_MM
from engines.plans.compile_plan import PlanRequest, compile_plan, prepare
from engines.plans.fingerprint import sha256_of
from engines.plans.plan import PlanCard, load_plan
from engines.plans.rounding import named
from engines.plans.synthetic_motion import synthetic_motion
from realtime.bench.engines_cases import plan_rows
from realtime.files.motion_files import read_motion
from realtime.model.build_plan import BuildFlags, run
from realtime.model.inspect_plan import inspect_plan

pytest.importorskip("tensorrt_rtx", reason="building plans needs: pip install 'realtime-pose[tensorrt]'")

Model = tuple[ModelCard, Path]
ALL = "sm80,sm86,sm89,sm120"


def _build(model: Model, out: Path, **flags: Any) -> PlanCard:
    card = run(BuildFlags(**{"model": str(model[1]), "out": out, **flags}))
    assert card is not None
    assert load_plan(out) == (card, out.read_bytes())
    return card


@pytest.mark.parametrize("form", ["step", "window"])
def test_fp32_plans_of_both_forms(model: Model, tmp_path: Path, form: str) -> None:
    card = _build(model, tmp_path / "a.plan", form=form, batch="1,8,64", target=ALL)
    assert card.parity.passed
    assert card.parity.max_mm < 0.1
    assert card.parity.reference.startswith("torch")
    assert (card.batch, card.targets) == ((1, 8, 64), tuple(ALL.split(",")))
    batch_axes = [tensor.shape.count(-1) for tensor in (*card.inputs, *card.outputs)]
    assert batch_axes == [1] * len(batch_axes)


@pytest.mark.parametrize(("precision", "kind"), [("fp16", "float16"), ("bf16", "bfloat16"), ("int8", "int8")])
def test_a_forced_precision_is_what_the_builder_reads(
    model: Model, tmp_path: Path, precision: str, kind: str
) -> None:
    if precision != "int8":
        pytest.importorskip("modelopt", reason="needs: pip install 'realtime-pose[autocast]'")
    card = _build(model, tmp_path / "a.plan", precision=precision, target="sm86", force=True, parity_frames=64)
    assert any(name.endswith(kind) for name in card.layers)
    assert {tensor.dtype for tensor in (*card.inputs, *card.outputs)} == {"float32"}
    assert card.parity.frames == 64
    assert card.parity.max_mm > 0.01


def test_the_papers_model(paper_model: Model, tmp_path: Path) -> None:
    card = _build(paper_model, tmp_path / "a.plan", target="sm86", keep_onnx=True, parity_frames=64, force=True)
    assert (card.form, card.parity.within_limit) == ("window", True)
    assert sha256_of((tmp_path / "a.plan.onnx").read_bytes()) == card.onnx_sha256
    assert "graph" in inspect_plan(tmp_path / "a.plan")
    (tmp_path / "a.plan.onnx").write_bytes(b"another")
    with pytest.raises(UserError, match="is not the graph of"):
        inspect_plan(tmp_path / "a.plan")


def test_turing_takes_fp16_only(model: Model, tmp_path: Path) -> None:
    pytest.importorskip("modelopt", reason="needs: pip install 'realtime-pose[autocast]'")
    with pytest.raises(UserError, match=r"sm75 \(Turing\) has only FP16"):
        _build(model, tmp_path / "a.plan", target="sm75,sm86")
    flags = {"precision": "fp16", "force": True, "parity_frames": 64}
    assert _build(model, tmp_path / "a.plan", target="sm75", **flags).targets == ("sm75",)


def test_a_precision_that_is_not_exact_enough_is_refused_and_nothing_written(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS_MM, "int8", ("mean", 0.001))
    request = PlanRequest(model[1], precision="int8", output=tmp_path / "a.plan")
    prepared = prepare(request, synthetic_motion(2, 16))
    with pytest.raises(UserError, match=r"int8 moves joints too far: max .*BEYOND .*--force"):
        compile_plan(request, prepared)
    assert list(tmp_path.iterdir()) == []


def test_the_same_request_is_not_built_twice(model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _build(model, tmp_path / "a.plan", target="sm86")
    capsys.readouterr()
    assert _build(model, tmp_path / "a.plan", target="sm86") == first
    assert "is up to date" in capsys.readouterr().out
    assert _build(model, tmp_path / "a.plan", target="sm89").targets == ("sm89",)


def test_a_changed_exporter_builds_again(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _build(model, tmp_path / "a.plan", target="sm86")
    graph = named(export(*model, "step"))
    graph.doc_string = "another exporter"
    monkeypatch.setattr("engines.plans.compile_plan.export", lambda *which: graph.SerializeToString())
    after = _build(model, tmp_path / "a.plan", target="sm86")
    assert "is up to date" not in capsys.readouterr().out
    assert after.fingerprint != before.fingerprint


def test_a_recording_that_changed_builds_again(model: Model, tmp_path: Path) -> None:
    def fingerprint_of(seed: int) -> str:
        motion = synthetic_motion(1, 200, seed=seed)
        np.savez(tmp_path / "take.npz", keypoints_px=motion.rays[0] * 500 + 320, fps=30.0,
                 image_wh=np.array([640, 480]))  # fmt: skip
        request = PlanRequest(model[1], motion=tmp_path / "take.npz", output=tmp_path / "a.plan")
        return prepare(request, read_motion(tmp_path / "take.npz", 8, 125)).fingerprint

    assert fingerprint_of(1) != fingerprint_of(2)
    assert fingerprint_of(1) == fingerprint_of(1)


def test_the_graph_beside_a_plan_is_always_the_plans(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "a.plan.onnx"
    _build(model, tmp_path / "a.plan", target="sm86")
    card = _build(model, tmp_path / "a.plan", target="sm86", keep_onnx=True)
    assert sha256_of(graph.read_bytes()) == card.onnx_sha256
    capsys.readouterr()
    _build(model, tmp_path / "a.plan", target="sm86", keep_onnx=True)
    assert "is up to date" in capsys.readouterr().out
    graph.write_bytes(b"another")
    _build(model, tmp_path / "a.plan", target="sm89", opt_level=2)
    assert not graph.exists()
    assert "this file" in inspect_plan(tmp_path / "a.plan")


def test_where_nothing_can_be_written_is_said_before_the_build(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.plan.json").mkdir()
    (tmp_path / "file").write_bytes(b"")
    refused = ((tmp_path / "a.plan", "a.plan.json is a folder"), (tmp_path / "file" / "a.plan", "cannot be written: "))
    for out, words in refused:
        with pytest.raises(UserError, match=words):
            run(BuildFlags(model=str(model[1]), out=out, target="sm86", dry_run=True))


def test_a_file_that_is_no_plan_is_not_replaced_unasked(model: Model, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(UserError, match="exists and is no plan that can be read"):
        _build(model, tmp_path / "notes", target="sm86")
    assert (tmp_path / "notes").read_text() == "mine"
    assert _build(model, tmp_path / "notes", target="sm86", force=True).targets == ("sm86",)


def test_without_o_the_plan_goes_to_the_user_cache(model: Model, cache: Path) -> None:
    run(BuildFlags(model=str(model[1]), target="sm86"))
    assert [path.suffix for path in sorted((cache / "plans").iterdir())] == [".plan", ".json"]


def test_the_bench_builds_every_batch_and_number_of_targets(model: Model) -> None:
    rows = list(plan_rows(str(model[1]), "step", "fp32", 64, False, None))
    assert [(row.batch, row.targets) for row in rows] == [("1 to 1", 1), ("1 to 1", 4), ("1 to 64", 1), ("1 to 64", 4)]
    assert all(row.within_limit and row.plan_mib > 0.1 for row in rows)


def test_progress_is_the_builders_own(model: Model) -> None:
    phases: list[tuple[str, int, int]] = []
    graph = export(*model, "step")
    build(graph, BuildOptions(targets=("sm86",)), ("sm86",), lambda *step: phases.append(step))
    assert ("Building engine", 0) in {(name, done) for name, done, _ in phases}
    assert all(0 <= done <= total for _, done, total in phases)


@pytest.mark.parametrize("moment", ["phase starts", "step is done", "phase ends"])
def test_ctrl_c_ends_the_build(model: Model, moment: str) -> None:
    seen: list[str] = []

    def progress(phase: str, done: int, steps: int) -> None:
        now = "phase starts" if done == 0 else "step is done" if done < steps else "phase ends"
        if now == moment:
            seen.append(phase)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build(export(*model, "step"), BuildOptions(targets=("sm86",)), ("sm86",), progress)
    assert len(seen) < 10  # it did not go on to the end


def test_what_progress_raises_is_what_comes_out(model: Model) -> None:
    def progress(phase: str, done: int, steps: int) -> None:
        raise BrokenPipeError("the terminal is gone")

    with pytest.raises(BrokenPipeError, match="the terminal is gone"):
        build(export(*model, "step"), BuildOptions(targets=("sm86",)), ("sm86",), progress)


def test_a_recording_certifies_and_calibrates(model: Model, tmp_path: Path) -> None:
    motion = synthetic_motion(1, 90)
    path = tmp_path / "take.npz"
    np.savez(path, keypoints_px=motion.rays[0] * 500 + 320, fps=30.0, image_wh=np.array([640, 480]))
    card = _build(model, tmp_path / "a.plan", target="sm86", motion=path, parity_frames=64, force=True)
    assert card.parity.data == "take.npz, 8 stretches of 8 frames"
    with pytest.raises(UserError, match="no recording has the 100 frames"):
        read_motion(path, 8, 100)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"target": "current"}, "no NVIDIA"),
        ({"target": "sm86,current"}, "stands alone"),
        ({"target": "sm90"}, "give some of sm75"),
        ({"runtime": "tensorrt"}, "pip install tensorrt"),
        ({"runtime": "lean"}, "choose one of rtx, tensorrt"),
        ({"via": "torch-tensorrt"}, "use --via onnx"),
        ({"timing_cache": Path("x")}, "no use with --runtime rtx"),
        ({"batch": "4,2,8"}, "smallest, best and largest"),
        ({"batch": "many"}, "give one number"),
        ({"precision": "fp8"}, "choose one of fp32"),
        ({"form": "whole"}, "choose step or window"),
        ({"frames": 81}, "sees 27 frames"),
        ({"opt_level": 9}, "0 to 5"),
        ({"workspace": 0}, "give MiB, 1 to"),
        ({"workspace": 99999999999999}, "give MiB, 1 to"),
        ({"batch": "1,8,2000"}, "each 1 to 1024"),
        ({"parity_frames": 999}, "at least 1000 frames, not 999"),
        ({"model": "nobody"}, "no model 'nobody'"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(
    model: Model, monkeypatch: pytest.MonkeyPatch, flags: dict[str, Any], words: str
) -> None:
    runtimes = {"rtx": "1.7.1"}
    machine = Machine(None, why_no_gpu="no NVIDIA GPU or driver is usable here", runtimes=runtimes)
    monkeypatch.setattr("engines.plans.compile_plan.this_machine", lambda: machine)
    with pytest.raises(UserError, match=words) as refused:
        run(BuildFlags(**{"model": str(model[1]), **flags}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("gpu", ["sm80", "sm87", "sm90"])
def test_tensorrt_builds_for_the_gpu_it_builds_on(monkeypatch: pytest.MonkeyPatch, gpu: str) -> None:
    monkeypatch.setattr("engines.plans.build_tensorrt.MODULES", {"rtx": "json", "tensorrt": "json"})  # as if installed
    machine = Machine(gpu, "a GPU", runtimes={"tensorrt": "11.0"})
    for targets in ((), ("current",), (gpu,)):
        assert require_buildable(BuildOptions("tensorrt", targets), "fp32", machine) == (gpu,)
    with pytest.raises(UserError, match=f"builds for the GPU of this machine, {gpu}, not sm120: use --target current"):
        require_buildable(BuildOptions("tensorrt", ("sm120",)), "fp32", machine)


def test_the_papers_model_has_no_step(paper_model: Model) -> None:
    with pytest.raises(UserError, match="use --form window"):
        run(BuildFlags(model=str(paper_model[1]), form="step"))


def test_a_dry_run_builds_nothing(model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(BuildFlags(model=str(model[1]), out=tmp_path / "a.plan", dry_run=True)) is None
    assert "would build" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_graph_tensorrt_cannot_read_is_refused(model: Model) -> None:
    with pytest.raises(UserError, match="cannot read the exported graph"):
        build(b"no graph", BuildOptions(targets=("sm86",)), ("sm86",))


def test_inspect_refuses_other_weights(model: Model, paper_model: Model, tmp_path: Path) -> None:
    _build(model, tmp_path / "a.plan", target="sm86")
    assert "weights" in inspect_plan(tmp_path / "a.plan")
    with pytest.raises(UserError, match="other weights"):
        inspect_plan(tmp_path / "a.plan", str(paper_model[1]))


def test_the_command_builds_and_inspect_verifies(model: Model, tmp_path: Path) -> None:
    def realtime(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "realtime.cli", *arguments]
        environment = {**os.environ, "COLUMNS": "300"}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)

    plan = tmp_path / "a.plan"
    built = realtime("build-engine", str(model[1]), "-o", str(plan), "--target", "sm86")
    assert (built.returncode, "within the limit" in built.stdout) == (0, True), built.stderr
    assert built.stderr.strip() == ""
    told = realtime("build-engine", str(model[1]), "-o", str(plan), "--target", "sm86", "--force", "--verbose")
    assert told.returncode == 0
    assert "Engine generation completed" in told.stderr
    card = json.loads(realtime("inspect", str(plan), "--json").stdout)
    assert card["plan_sha256"] == sha256_of(plan.read_bytes())
    plan.write_bytes(plan.read_bytes()[:-1])
    damaged = realtime("inspect", str(plan))
    assert (damaged.returncode, damaged.stderr.count("\n")) == (2, 1)
    assert "damaged" in damaged.stderr
