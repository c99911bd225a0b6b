"""From a model to a plan and its sidecar: export, convert, certify, build, write. A failed step leaves no file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from engines.errors import UserError
from engines.export.model_graph import export
from engines.machine.cache import plans_dir
from engines.machine.this_machine import Machine, this_machine
from engines.models.card import PAPER, ModelCard, find_model
from engines.plans.build_tensorrt import BuildOptions, Built, Progress, build, require_buildable
from engines.plans.certificate import require_pass
from engines.plans.certify_model import Certifier, Motion, representative_feeds
from engines.plans.fingerprint import fingerprint, read_bytes, sha256_of
from engines.plans.plan import PlanCard, graph_path, load_plan, sidecar_path
from engines.plans.precision import Converted, convert, require_converter
from engines.write_aside import require_writable, write_all


@dataclass(frozen=True)
class PlanRequest:
    model: str | Path = "default"
    form: str = "step"  # step | window
    precision: str = "fp32"
    options: BuildOptions = field(default_factory=BuildOptions)
    motion: Path | None = None  # the recording to certify on, as its card will tell; None: synthetic motion
    output: Path | None = None  # None: in the user cache, named by fingerprint
    keep_onnx: bool = False
    force: bool = False  # build although it exists, keep although its certificate does not pass


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a request comes to on this machine, before any long work."""

    model: ModelCard
    weights: Path
    form: str
    graph: bytes  # ONNX in float32
    motion: Motion
    targets: tuple[str, ...]
    fingerprint: str
    plan: Path


def prepare(request: PlanRequest, motion: Motion, machine: Machine | None = None) -> Prepared:
    """Check the request, to be certified on `motion`, and export its graph.

    Raises UserError for whatever cannot be built here, with what to install or to choose.
    """
    card, weights = find_model(request.model)
    if request.form not in ("step", "window"):
        raise UserError(f"--form is {request.form!r}: choose step or window")
    if card.kind == PAPER and request.form == "step":
        raise UserError(f"{card.name} sees a whole window at once and has no step: use --form window")
    if card.joints != 17:
        raise UserError(f"{card.name} has {card.joints} joints: plans are built for models of 17")
    require_converter(request.precision)
    machine = machine or this_machine()
    targets = require_buildable(request.options, request.precision, machine)
    options = request.options
    graph = export(card, weights, request.form)
    ingredients = {
        "weights": card.sha256, "graph": sha256_of(graph), "motion": motion.sha256, "form": request.form,
        "precision": request.precision, "targets": targets, "batch": options.batch,
        "runtime": options.runtime, "version": machine.runtimes[options.runtime],
        "opt_level": options.opt_level, "workspace_mib": options.workspace_mib,
        "tools": [_version(name) for name in ("onnx", "onnxruntime", "nvidia-modelopt")],
    }  # fmt: skip
    digest = fingerprint(ingredients)
    name = f"{card.name}-{request.form}-{request.precision}-{digest[:12]}.plan"
    plan = request.output or plans_dir() / name
    require_writable(_files(plan, request))
    if plan.exists() and not request.force:
        _require_plan(plan)
    return Prepared(card, weights, request.form, graph, motion, targets, digest, plan)


def _require_plan(path: Path) -> None:
    """A plan is built again where what it is made of has changed; what is none is somebody's. Raises UserError."""
    try:
        load_plan(path)
    except UserError as error:
        raise UserError(f"{path} exists and is no plan that can be read: choose another name with -o, or add --force"
                        ) from error  # fmt: skip


def up_to_date(request: PlanRequest, prepared: Prepared) -> PlanCard | None:
    """The card of a plan already there that this request would build again; None where it has to be built."""
    try:
        card = load_plan(prepared.plan)[0]
        if request.keep_onnx and sha256_of(read_bytes(graph_path(prepared.plan), "graph")) != card.onnx_sha256:
            return None
    except UserError:
        return None
    return card if card.fingerprint == prepared.fingerprint and card.parity.passed else None


def _files(plan: Path, request: PlanRequest) -> list[Path]:
    """What a build writes."""
    optional = (graph_path(plan) if request.keep_onnx else None, request.options.timing_cache)
    return [plan, sidecar_path(plan), *filter(None, optional)]


def compile_plan(request: PlanRequest, prepared: Prepared, *, progress: Progress | None = None,
                 stage: Callable[[str], None] = lambda text: None) -> PlanCard:  # fmt: skip
    """Do it all; returns the card that was written. Raises UserError where a step fails or the certificate does."""
    model, graph, motion = prepared.model, prepared.graph, prepared.motion
    stage("running the model in torch" if importlib.util.find_spec("torch") else "running the model")
    certify = Certifier(graph, model, prepared.weights, prepared.form, request.precision, motion)
    stage(f"converting to {request.precision} and certifying")
    feeds = representative_feeds(graph, model, prepared.form, motion) if request.precision != "fp32" else []
    converted = convert(graph, request.precision, feeds, certify, request.force)
    if not request.force:
        require_pass(converted.parity, request.precision)
    stage(f"building for {', '.join(prepared.targets)}")
    built = build(converted.onnx, request.options, prepared.targets, progress)
    card = _card(request, prepared, converted, built)
    files = {prepared.plan: built.plan, sidecar_path(prepared.plan): card.to_json()}
    kept = graph_path(prepared.plan)
    if request.keep_onnx:
        files[kept] = converted.onnx
    write_all(files)
    if kept.is_file() and sha256_of(read_bytes(kept, "graph")) != card.onnx_sha256:
        kept.unlink()  # of the plan that was here before
    return card


def _card(request: PlanRequest, prepared: Prepared, converted: Converted, built: Built) -> PlanCard:
    import onnx

    opsets = [entry.version for entry in onnx.load_from_string(converted.onnx).opset_import if not entry.domain]
    model, options = prepared.model, request.options
    return PlanCard(
        model=model.name, source=str(request.model), kind=model.kind, frames=model.frames,
        lookaheads=model.lookaheads or (0,),
        weights_sha256=model.sha256, form=prepared.form, precision=request.precision,
        conversion=converted.conversion, runtime=options.runtime, runtime_version=built.runtime_version, via="onnx",
        targets=built.targets, batch=options.batch, inputs=built.inputs, outputs=built.outputs,
        onnx_sha256=sha256_of(converted.onnx), onnx_opset=opsets[0], opt_level=options.opt_level,
        workspace_mib=options.workspace_mib, motion=str(request.motion or ""), forced=request.force,
        build_s=round(built.build_s, 3), built_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        plan_bytes=len(built.plan), plan_sha256=sha256_of(built.plan), fingerprint=prepared.fingerprint,
        parity=converted.parity, layers=built.layers,
    )  # fmt: skip


def _version(distribution: str) -> str:
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return f"{distribution} absent"
