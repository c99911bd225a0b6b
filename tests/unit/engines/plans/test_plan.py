"""Plans and their cards: refused in one sentence where they do not fit, passed over by auto."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.backends.tensorrt import open_plan, runner_for
from engines.errors import UserError
from engines.lifting.load_lifter import check_lifter
from engines.machine.cache import plans_dir
from engines.machine.this_machine import Machine
from engines.models.card import ModelCard
from engines.plans.build_tensorrt import BuildOptions, require_buildable
from engines.plans.fingerprint import fingerprint, sha256_of
from engines.plans.fitting import fitting_plans, misfit
from engines.plans.plan import PlanCard, load_plan, read_card, sidecar_path
from engines.write_aside import write_all
from realtime.model.inspect_plan import inspect_plan

HERE = Machine("sm86", "RTX A2000", runtimes={"rtx": "1.7.1"})
Model = tuple[ModelCard, Path]


def _written(card: PlanCard, path: Path, data: bytes = b"plan") -> PlanCard:
    card = replace(card, plan_bytes=len(data), plan_sha256=sha256_of(data))
    write_all({path: data, sidecar_path(path): card.to_json()})
    return card


def _rewrite(card: PlanCard, path: Path, change: dict[str, Any]) -> None:
    """A card with other fields, and the right hash over them."""
    raw = json.loads(card.to_json()) | change
    del raw["card_sha256"]
    sidecar_path(path).write_text(json.dumps(raw | {"card_sha256": fingerprint(raw)}))


def test_a_card_reads_back_as_written(plan_card: PlanCard, tmp_path: Path) -> None:
    card = _written(plan_card, tmp_path / "a.plan")
    assert load_plan(tmp_path / "a.plan") == (card, b"plan")


def test_a_plan_without_its_card_is_refused(plan_card: PlanCard, tmp_path: Path) -> None:
    _written(plan_card, tmp_path / "a.plan")
    sidecar_path(tmp_path / "a.plan").unlink()
    with pytest.raises(UserError, match=r"has no a\.plan\.json beside it"):
        load_plan(tmp_path / "a.plan")


def test_a_plan_with_anothers_card_is_refused(plan_card: PlanCard, tmp_path: Path) -> None:
    _written(plan_card, tmp_path / "a.plan")
    _written(plan_card, tmp_path / "b.plan", b"another")
    sidecar_path(tmp_path / "a.plan").write_bytes(sidecar_path(tmp_path / "b.plan").read_bytes())
    with pytest.raises(UserError, match="belongs to another plan"):
        load_plan(tmp_path / "a.plan")


@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_flipped_bit_is_noticed(plan_card: PlanCard, tmp_path: Path, position: int) -> None:
    _written(plan_card, tmp_path / "a.plan")
    data = bytearray(b"plan")
    data[position] ^= 1
    (tmp_path / "a.plan").write_bytes(data)
    with pytest.raises(UserError, match="SHA-256 differs"):
        load_plan(tmp_path / "a.plan")


def test_a_truncated_plan_is_refused(plan_card: PlanCard, tmp_path: Path) -> None:
    _written(plan_card, tmp_path / "a.plan")
    (tmp_path / "a.plan").write_bytes(b"pla")
    with pytest.raises(UserError, match=r"is damaged.*realtime build-engine"):
        load_plan(tmp_path / "a.plan")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"model": 3}', "null", "[" * 100_000])
def test_a_card_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.plan.json").write_text(text)
    with pytest.raises(UserError, match=r"is not a plan's card"):
        read_card(tmp_path / "a.plan")


def test_a_card_of_a_later_format_is_refused(plan_card: PlanCard, tmp_path: Path) -> None:
    _rewrite(plan_card, tmp_path / "a.plan", {"format": 3})
    with pytest.raises(UserError, match="format 3"):
        read_card(tmp_path / "a.plan")


MALFORMED = [
    ({"runtime": "foo"}, "runtime must be one of rtx, tensorrt, got 'foo'"),
    ({"form": "whole"}, "form must be one of step, window"),
    ({"precision": "fp8"}, "precision must be one of fp32"),
    ({"build_s": "a"}, "build_s must be float, got 'a'"),
    ({"layers": 5}, "layers must be a table, got 5"),
    ({"layers": {"add": "x"}}, "layers: add must be int, got 'x'"),
    ({"parity": 3}, "parity must be a table"),
    ({"parity": {"max_mm": "x"}}, "parity lacks 'reference'"),
    ({"batch": [1, 2]}, "batch must hold 3 values, got 2"),
    ({"batch": [4, 2, 8]}, "batch must be smallest, best and largest"),
    ({"targets": []}, "targets must name a GPU"),
    ({"targets": "sm86"}, "targets must be a list"),
    ({"inputs": [{"name": "features"}]}, "inputs[0] lacks 'shape'"),
    ({"plan_bytes": True}, "plan_bytes must be int, got True"),
    ({"colour": "red"}, "has no setting 'colour'"),
]


@pytest.mark.parametrize(("change", "words"), MALFORMED)
def test_a_malformed_card_is_refused_in_one_sentence(
    plan_card: PlanCard, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    _written(plan_card, tmp_path / "a.plan")
    _rewrite(plan_card, tmp_path / "a.plan", change)
    with pytest.raises(UserError, match=re.escape(words)) as refused:
        inspect_plan(tmp_path / "a.plan")
    assert "\n" not in str(refused.value)


def test_an_edited_card_is_noticed(plan_card: PlanCard, tmp_path: Path) -> None:
    _written(plan_card, tmp_path / "a.plan")
    card = sidecar_path(tmp_path / "a.plan")
    card.write_text(card.read_text().replace('"frames": 1000', '"frames": 9000'))
    with pytest.raises(UserError, match="the SHA-256 of its fields differs"):
        load_plan(tmp_path / "a.plan")
    with pytest.raises(UserError, match="the SHA-256 of its fields differs"):
        inspect_plan(tmp_path / "a.plan")


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(HERE, gpu="sm120"), r"built for sm86, sm89, this GPU is sm120: run realtime build-engine .*sm120"),
        (replace(HERE, gpu=None, why_no_gpu="no NVIDIA driver is installed"), "needs an NVIDIA GPU: no NVIDIA driver"),
        (replace(HERE, runtimes={"rtx": "1.8.0"}), r"built by tensorrt_rtx 1\.7\.1, 1\.8\.0 is installed: run"),
        (replace(HERE, runtimes={}), "needs tensorrt_rtx, which is not installed: pip install"),
    ],
)
def test_a_plan_that_does_not_fit_says_why_and_what_to_do(plan_card: PlanCard, machine: Machine, words: str) -> None:
    problem = misfit(plan_card, machine, Path("a.plan"))
    assert problem is not None
    assert re.search(words, problem)
    assert "\n" not in problem
    assert misfit(plan_card, HERE, Path("a.plan")) is None


def test_the_command_that_rebuilds_a_plan_has_all_of_its_flags(plan_card: PlanCard) -> None:
    card = replace(plan_card, source="my models/tiny.safetensors", workspace_mib=64, motion="take 1.npz", forced=True,
                   parity=replace(plan_card.parity, frames=64), opt_level=5)  # fmt: skip
    command = shlex.split(card.rebuild(Path("a b.plan")))
    assert command == [
        "realtime", "build-engine", "my models/tiny.safetensors", "--form", "step", "--precision", "fp32", "--runtime",
        "rtx", "--target", "sm86,sm89", "--batch", "1,2,6", "--opt-level", "5", "--workspace", "64", "--motion",
        "take 1.npz", "--parity-frames", "64", "--force", "-o", "a b.plan",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("runtime", "gpu", "words"),
    [
        ("rtx", "sm89", "--runtime rtx --target sm86,sm89 "),
        ("rtx", "sm120", "--runtime rtx --target sm120 "),
        ("rtx", "sm90", "--runtime tensorrt --target current "),
        ("tensorrt", "sm87", "--runtime tensorrt --target current "),
        ("tensorrt", "sm120", "--runtime tensorrt --target current "),
    ],
)
def test_the_command_for_another_gpu_is_one_that_builds(
    plan_card: PlanCard, runtime: str, gpu: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.plans.build_tensorrt.MODULES", {"rtx": "json", "tensorrt": "json"})  # as if installed
    machine = Machine(gpu, "a GPU", runtimes={"rtx": "2.0", "tensorrt": "11.0"})
    problem = misfit(replace(plan_card, runtime=runtime), machine, Path("a.plan"))
    assert problem is not None
    assert words in problem
    assert problem.endswith("-o a.plan")
    built_here = shlex.split(problem.split("realtime build-engine")[1])
    options = BuildOptions(built_here[6], tuple(built_here[8].split(",")))
    require_buildable(options, "fp32", machine)


def test_other_weights_and_another_form_are_refused(plan_card: PlanCard, tmp_path: Path, model: Model) -> None:
    path = tmp_path / "a.plan"
    _written(plan_card, path)
    with pytest.raises(UserError, match="other weights of tiny"):
        open_plan(path, replace(model[0], sha256="0" * 64), "step", HERE)
    with pytest.raises(UserError, match="is a step plan"):
        open_plan(path, model[0], "window", HERE)


def test_a_plan_of_another_versions_step_is_refused(plan_card: PlanCard, tmp_path: Path, model: Model) -> None:
    features, taps = plan_card.inputs
    old = replace(plan_card, inputs=(features, replace(taps, shape=(3, *taps.shape[1:]))))
    _written(old, tmp_path / "a.plan")
    with pytest.raises(UserError, match=r"other inputs and outputs than this version gives tiny: run realtime build"):
        open_plan(tmp_path / "a.plan", model[0], "step", HERE)


def test_auto_takes_the_most_exact_fitting_plans_first(plan_card: PlanCard, cache: Path) -> None:
    parity = plan_card.parity
    folder = plans_dir()
    _written(replace(plan_card, precision="fp16", parity=replace(parity, mean_mm=0.2)), folder / "fp16.plan")
    _written(replace(plan_card, parity=replace(parity, mean_mm=0.0001)), folder / "fp32.plan")
    _written(replace(plan_card, batch=(1, 1, 1), parity=replace(parity, mean_mm=0.0001)), folder / "alone.plan")
    _written(replace(plan_card, targets=("sm120",), parity=replace(parity, mean_mm=0)), folder / "other.plan")
    _written(replace(plan_card, parity=replace(parity, mean_mm=0, within_limit=False)), folder / "failed.plan")
    _written(replace(plan_card, parity=replace(parity, mean_mm=0, frames=999)), folder / "hasty.plan")
    (folder / "lost.plan").write_bytes(b"")
    plans, problems = fitting_plans(plan_card.weights_sha256, "step", lambda: HERE)
    assert [path.name for path in plans] == ["fp32.plan", "alone.plan", "fp16.plan"]
    for name in ("failed.plan", "hasty.plan"):
        assert any(f"{name} did not pass its certificate" in problem for problem in problems)


def test_auto_asks_no_gpu_where_there_is_no_plan(plan_card: PlanCard) -> None:
    def machine() -> Machine:
        raise AssertionError("CUDA was loaded for nothing")

    plans, problems = fitting_plans(plan_card.weights_sha256, "step", machine)
    assert plans == []
    assert "'realtime build-engine' makes one" in problems[-1]


@pytest.mark.parametrize("damage", ["other GPU", "corrupt", "no card", "malformed card", "driver"])
def test_auto_goes_on_with_onnx_runtime(plan_card: PlanCard, model: Model, cache: Path, damage: str) -> None:
    path = plans_dir() / "a.plan"
    _written(plan_card, path)
    machine = HERE
    if damage == "corrupt":
        path.write_bytes(b"plam")
    elif damage == "no card":
        sidecar_path(path).unlink()
    elif damage == "malformed card":
        _rewrite(plan_card, path, {"runtime": "foo"})
    else:
        machine = replace(HERE, gpu="sm75" if damage == "other GPU" else None)
    runner, why = runner_for(model[0], "step", "auto", machine=lambda: machine)
    assert runner is None
    assert why.startswith("ONNX Runtime runs it: ")
    with pytest.raises(UserError) as refused:
        runner_for(model[0], "step", "tensorrt", machine=lambda: machine)
    assert "\n" not in str(refused.value)


def test_whatever_a_driver_does_auto_goes_on(plan_card: PlanCard, model: Model) -> None:
    def machine() -> Machine:
        raise ImportError("libcudart.so: cannot open shared object file")

    _written(plan_card, plans_dir() / "a.plan")
    runner, why = runner_for(model[0], "step", "auto", machine=machine)
    assert runner is None
    assert "no plan could be opened (ImportError: libcudart.so" in why


def test_a_plan_for_an_engine_that_runs_none_is_refused(tmp_path: Path) -> None:
    for engine in ("onnxruntime", "torch"):
        with pytest.raises(UserError, match=f"engine {engine} runs no plan"):
            check_lifter("default", engine, 0, tmp_path / "a.plan")
