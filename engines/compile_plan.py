"""From a model to a plan and its sidecar: export, convert, certify, build, write. A failed step leaves no file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from engines.artifacts import fingerprint, plans_dir, read_bytes, sha256_of, write_all
from engines.build_tensorrt import BuildOptions, Built, Progress, build, require_buildable
from engines.certify_model import Certifier, Motion, representative_feeds
from engines.checkpoint import PAPER, ModelCard, find_model, load_arrays
from engines.errors import UserError
from engines.machine import Machine, this_machine
from engines.parity import require_pass
from engines.plan import PlanCard, read_card, sidecar_path
from engines.precision import Converted, convert, require_converter


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


@dataclass(frozen=True)
class Prepared:
    """What a request comes to on this machine, before any work."""

    model: ModelCard
    weights: Path
    form: str
    targets: tuple[str, ...]
    fingerprint: str
    plan: Path


def prepare(request: PlanRequest, data: str, machine: Machine | None = None) -> Prepared:
    """Check the request. Raises UserError for whatever cannot be built here, with what to install or to choose."""
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
    ingredients = {
        "weights": card.sha256, "form": request.form, "precision": request.precision, "targets": targets,
        "batch": options.batch, "runtime": options.runtime, "version": machine.runtimes[options.runtime],
        "opt_level": options.opt_level, "workspace_mib": options.workspace_mib, "data": data,
        "tools": [_version(name) for name in ("onnx", "onnxruntime", "nvidia-modelopt")],
    }  # fmt: skip
    digest = fingerprint(ingredients)
    name = f"{card.name}-{request.form}-{request.precision}-{digest[:12]}.plan"
    return Prepared(card, weights, request.form, targets, digest, request.output or plans_dir() / name)


def up_to_date(prepared: Prepared) -> PlanCard | None:
    """The card of a plan already there that this request would build again; None where it has to be built."""
    if not (prepared.plan.exists() and sidecar_path(prepared.plan).exists()):
        return None
    try:
        card = read_card(prepared.plan)
    except UserError:
        return None
    same = card.fingerprint == prepared.fingerprint and card.parity.passed
    return card if same and sha256_of(read_bytes(prepared.plan, "plan")) == card.plan_sha256 else None


def export(card: ModelCard, weights: Path, form: str) -> bytes:
    """The model's ONNX graph in float32."""
    arrays = load_arrays(card, weights)
    if card.kind == PAPER:
        from engines.export_paper_onnx import paper_onnx

        return paper_onnx(card, arrays)
    from engines.export_onnx import stream_onnx

    return stream_onnx(card, arrays, form)


def compile_plan(request: PlanRequest, prepared: Prepared, motion: Motion, *, progress: Progress | None = None,
                 stage: Callable[[str], None] = lambda text: None) -> PlanCard:  # fmt: skip
    """Do it all; returns the card that was written. Raises UserError where a step fails or the certificate does."""
    model = prepared.model
    stage(f"exporting {model.name} ({prepared.form} form)")
    graph = export(model, prepared.weights, prepared.form)
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
    if request.keep_onnx:
        files[prepared.plan.with_name(prepared.plan.name + ".onnx")] = converted.onnx
    write_all(files)
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
