"""One interface over both models: open a stream for each person, push each frame's keypoints, get poses.

`load_lifter` picks the model and the engine. Streams come and go at run time; one push steps many in one call.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from engines.backends.base import StepBackend
from engines.errors import UserError
from engines.export.model_graph import model_graph
from engines.lifting.poses import ALIGNMENTS, ENGINES, ON_GPU, Lifter, check_align, check_lookahead
from engines.models.card import PAPER, ModelCard, find_model, graph_beside
from engines.plans.plan import load_plan

_log = logging.getLogger("realtime.engines.lifter")  # below what the processes hand on to the terminal


def check_lifter(
    model: str | Path, engine: str, lookahead: int, plan: Path | None, align: str | None = None
) -> tuple[ModelCard, Path]:
    """What can be told without loading anything, and the model found. Raises UserError."""
    if engine not in ENGINES:
        raise UserError(f"engine {engine!r} is unknown: choose one of {', '.join(ENGINES)}")
    if plan is not None and engine not in ("auto", "tensorrt"):
        raise UserError(f"engine {engine} runs no plan: leave --plan out, or choose --engine tensorrt")
    if plan is not None and not plan.exists():
        raise UserError(f"there is no plan {plan}: 'realtime build-engine' makes one; without --plan one is looked for")
    if plan is not None:
        load_plan(plan)  # one that was asked for and is none is an error, whatever else could do the work
    card, weights = find_model(model)
    check_lookahead(card, lookahead)
    check_align(card, align)
    return card, weights


def load_lifter(
    model: str | Path = "default", engine: str = "auto", lookahead: int = 0, threads: int = 1,
    align: str | None = None, plan: Path | None = None,
) -> Lifter:  # fmt: skip
    """The lifter for a model by name or path; `engine` one of ENGINES, tensorrt with a `plan`.

    `align` is for the paper's model (None: centre), `lookahead` for the others. Raises UserError for what the model
    does not have.
    """
    card, weights = check_lifter(model, engine, lookahead, plan, align)
    if card.kind == PAPER:
        from engines.lifting.window_lifter import load_window_lifter

        return load_window_lifter(card, weights, engine, threads, align or ALIGNMENTS[0], plan)
    from engines.lifting.stream_lifter import StreamLifter

    return StreamLifter(card, _step_backend(card, weights, engine, threads, plan), lookahead)


def _step_backend(card: ModelCard, weights: Path, engine: str, threads: int, plan: Path | None) -> StepBackend:
    from engines.backends.base import step_shape

    if engine in ("auto", "tensorrt"):
        from engines.backends.tensorrt import TensorRTStep, runner_for
        from engines.plans.fitting import has_plans

        runner, why = runner_for(card, "step", engine, plan)
        _log.log(logging.INFO if runner or plan or has_plans() else logging.DEBUG, "%s", why)
        if runner:
            return TensorRTStep(runner, step_shape(card))
    if engine in ("auto", "onnxruntime", *ON_GPU):
        from engines.backends.onnxruntime import OnnxRuntimeStep
        from engines.backends.providers import gpu_session

        chunk, newest = (graph_beside(card, weights, form) for form in ("chunk", "newest"))
        # a GPU would be given each row by a copy of its own
        rows = None if engine in ON_GPU else graph_beside(card, weights, "rows")
        step = partial(OnnxRuntimeStep, rows or model_graph(card, weights), step_shape(card), threads, chunk, newest)
        return step(engine, partial(gpu_session, engine)) if engine in ON_GPU else step()
    from engines.models.checkpoint import load_model

    _, module = load_model(weights)  # says what to install where torch is missing
    from engines.backends.torch import TorchStep

    return TorchStep(module, step_shape(card), threads)  # type: ignore[arg-type]
