"""Which plans fit a machine, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engines.errors import UserError
from engines.machine.cache import plans_dir
from engines.machine.this_machine import INSTALL, MODULES, Machine, this_machine
from engines.plans.plan import PlanCard, read_card


def misfit(card: PlanCard, machine: Machine, plan: Path) -> str | None:
    """Why `plan` cannot run here, in one sentence with what to do; None where it can."""
    other_gpu = machine.gpu if machine.gpu not in card.targets else None
    installed = machine.runtimes.get(card.runtime)
    if installed is None:
        return f"{plan} needs {MODULES[card.runtime]}, which is not installed: {INSTALL[card.runtime]}"
    if installed != card.runtime_version:
        return (f"{plan} was built by {MODULES[card.runtime]} {card.runtime_version}, {installed} is installed:"
                f" run {card.rebuild(plan, other_gpu)}")  # fmt: skip
    if machine.gpu is None:
        return f"{plan} needs an NVIDIA GPU: {machine.why_no_gpu}"
    if other_gpu:
        return (f"{plan} was built for {', '.join(card.targets)}, this GPU is {machine.gpu}:"
                f" run {card.rebuild(plan, other_gpu)}")  # fmt: skip
    return None


def require_fit(card: PlanCard, machine: Machine, plan: Path, weights_sha256: str = "") -> None:
    """Raise UserError where the plan cannot run here or was built from other weights (if given)."""
    problem = misfit(card, machine, plan)
    if weights_sha256 and card.weights_sha256 != weights_sha256:
        problem = f"{plan} was built from other weights of {card.model} than these: run {card.rebuild(plan)}"
    if problem:
        raise UserError(problem)


def has_plans() -> bool:
    """Whether somebody has built any: then it is worth a word why none of them runs."""
    return any(plans_dir().glob("*.plan"))


def fitting_plans(weights_sha256: str, form: str, machine: Callable[[], Machine] = this_machine,
                  folder: Path | None = None) -> tuple[list[Path], list[str]]:  # fmt: skip
    """The certified plans of these weights that fit `machine`, the most exact first; and why not the others.

    The machine is only asked where there is a plan of these weights: it loads the CUDA libraries.
    """
    folder = folder or plans_dir()
    plans: list[tuple[float, int, Path, PlanCard]] = []
    problems = [f"no {form} plan of this model in {folder}: 'realtime build-engine' makes one"]
    for path in sorted(folder.glob("*.plan")):
        try:
            card = read_card(path)
        except UserError as error:
            problems.append(str(error))
            continue
        if (card.weights_sha256, card.form) != (weights_sha256, form):
            continue
        if card.parity.passed:
            plans.append((card.parity.mean_mm, -card.batch[2], path, card))  # of equals, the one for more people
        else:
            problems.append(f"{path} did not pass its certificate: --plan {path} runs it all the same")
    fitting = []
    for *_, path, card in sorted(plans, key=lambda plan: plan[:3]):
        problem = misfit(card, machine(), path)
        if problem is None:
            fitting.append(path)
        else:
            problems.append(problem)
    return fitting, problems
