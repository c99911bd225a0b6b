"""TensorRT plans behind the interfaces of the other backends, pinned memory on the host side. No torch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.backends.base import Float, StepBuffers, StepShape, step_shape
from engines.backends.device_taps import DeviceTaps
from engines.backends.plan_runner import PlanRunner
from engines.backends.window import WindowBuffers, window_tensors
from engines.errors import UserError
from engines.machine.this_machine import Machine, this_machine
from engines.models.card import ModelCard
from engines.plans.fitting import fitting_plans, require_fit
from engines.plans.plan import load_plan

log = logging.getLogger("realtime.tensorrt")


@dataclass(frozen=True, eq=False)
class _Host:
    """Pinned arrays of one batch size; `taps` and `activations` are whole, padded, where `buffers` has views."""

    buffers: StepBuffers
    taps: Float
    activations: Float


class TensorRTStep:
    """A StepBackend on a step plan. `memory()` keeps the taps on the GPU; without it they come from the host."""

    name = "tensorrt"

    def __init__(self, runner: PlanRunner, shape: StepShape) -> None:
        self.shape = shape
        self.runner, self._cuda = runner, runner.cuda
        self.max_batch = runner.card.batch[2]
        self._hosts: dict[int, _Host] = {}
        self._taps: DeviceTaps | None = None

    def memory(self, capacity: int = 1) -> DeviceTaps:
        """From here on taps and activations stay on the GPU: `buffers` then has none on the host."""
        if self._taps is None:
            at = self.runner.addresses
            self._taps = DeviceTaps(self._cuda, self.shape, at["taps"], at["activations"], capacity, self.runner.padded)
            self._hosts.clear()
        return self._taps

    def buffers(self, batch: int) -> StepBuffers:
        return self._host(batch).buffers

    def run(self, batch: int) -> None:
        rows, at, host = self.runner.padded(batch), self.runner.addresses, self._host(batch)
        self._cuda.upload(at["features"], host.buffers.features)
        if self._taps is None:
            self._cuda.upload(at["taps"], host.taps)
        else:
            self._taps.lay_out(rows)
        self.runner.run(rows)
        self._cuda.download(host.buffers.pose, at["pose"])
        self._cuda.download(host.buffers.sigma, at["sigma"])
        if self._taps is None:
            self._cuda.download(host.activations, at["activations"])
        self._cuda.synchronise()

    def close(self) -> None:
        self._hosts.clear()
        self.runner.close()

    def _host(self, batch: int) -> _Host:
        if batch not in self._hosts:
            self._hosts[batch] = self._allocate(batch, self.runner.padded(batch) if self._taps is None else 0)
        return self._hosts[batch]

    def _allocate(self, batch: int, rows: int) -> _Host:
        shape, pinned = self.shape, self._cuda.pinned
        taps = pinned((len(shape.spans), rows, shape.joints, 2 * shape.channels))
        activations = pinned((len(shape.spans), rows, shape.joints, shape.channels))
        buffers = StepBuffers(
            features=pinned((batch, shape.joints, shape.features)), taps=taps[:, :batch],
            pose=pinned((batch, shape.lookaheads, shape.joints, 3)),
            sigma=pinned((batch, shape.lookaheads, shape.joints)), activations=activations[:, :batch],
        )  # fmt: skip
        return _Host(buffers, taps, activations)


class TensorRTWindow:
    """A WindowBackend on a window plan of the paper's model."""

    name = "tensorrt"

    def __init__(self, runner: PlanRunner) -> None:
        self.runner, self._cuda = runner, runner.cuda
        self.max_batch = runner.card.batch[2]
        self._buffers: dict[int, WindowBuffers] = {}

    def buffers(self, batch: int) -> WindowBuffers:
        if batch not in self._buffers:
            card, pinned = self.runner.card, self._cuda.pinned
            shapes = {tensor.name: (batch, *tensor.shape[1:]) for tensor in (*card.inputs, *card.outputs)}
            self._buffers[batch] = WindowBuffers(pinned(shapes["features"]), pinned(shapes["pose"]))
        return self._buffers[batch]

    def run(self, batch: int) -> None:
        rows, at, buffers = self.runner.padded(batch), self.runner.addresses, self.buffers(batch)
        self._cuda.upload(at["features"], buffers.features)
        self.runner.run(rows)
        self._cuda.download(buffers.pose, at["pose"])
        self._cuda.synchronise()

    def close(self) -> None:
        self._buffers.clear()
        self.runner.close()


def open_plan(plan: Path, model: ModelCard, form: str, machine: Machine | None = None) -> PlanRunner:
    """A plan of `model` on this machine's GPU. Raises UserError with one sentence for everything that does not fit."""
    machine = machine or this_machine()
    card, data = load_plan(plan)
    if card.form != form:
        raise UserError(f"{plan} is a {card.form} plan, {model.name} runs on a {form} plan here:"
                        f" realtime build-engine {model.name} --form {form}")  # fmt: skip
    require_fit(card, machine, plan, model.sha256)
    expected = step_shape(model).tensors() if form == "step" else window_tensors(model.frames, model.joints)
    if {tensor.name: tensor.shape for tensor in (*card.inputs, *card.outputs)} != expected:
        raise UserError(f"{plan} has other inputs and outputs than this version gives {model.name}:"
                        f" run {card.rebuild(plan)}")  # fmt: skip
    try:
        return PlanRunner(card, data, gpu=machine.gpu or "")
    except UserError:
        raise
    except Exception as error:  # CUDA's and TensorRT's own kinds
        raise UserError(f"{plan} does not run on {machine.gpu_name}: {error}; use --engine onnxruntime, or rebuild it"
                        f" with {card.rebuild(plan)}") from error  # fmt: skip


def runner_for(model: ModelCard, form: str, engine: str, plan: Path | None = None,
               machine: Callable[[], Machine] = this_machine) -> tuple[PlanRunner | None, str]:  # fmt: skip
    """For `--engine auto` and `--engine tensorrt`: a plan ready to run, or None; and the reason, for the log.

    With engine "tensorrt" it raises UserError where no plan runs; with "auto" it never raises.
    """
    try:
        return _first_that_opens(model, form, plan, machine)
    except UserError as error:
        if engine == "tensorrt":
            raise
        return None, f"ONNX Runtime runs it: {error}"
    except Exception as error:  # whatever a driver does, ONNX Runtime can run the model
        if engine == "tensorrt":
            raise
        log.debug("no plan could be opened", exc_info=True)
        return None, f"ONNX Runtime runs it: no plan could be opened ({type(error).__name__}: {error})"


def _first_that_opens(model: ModelCard, form: str, plan: Path | None,
                      machine: Callable[[], Machine]) -> tuple[PlanRunner, str]:  # fmt: skip
    if plan is not None:
        return open_plan(plan, model, form, machine()), f"{plan} was asked for"
    plans, problems = fitting_plans(model.sha256, form, machine)
    for path in plans:
        try:
            return open_plan(path, model, form, machine()), f"{path.name} fits this {machine().gpu_name}"
        except UserError as error:
            log.warning("%s", error)
            problems.append(str(error))
    raise UserError(problems[-1])
