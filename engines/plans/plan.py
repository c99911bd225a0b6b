"""The sidecar of a TensorRT plan, `PLAN.json`: what the plan is, what it was checked against, and where it runs."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engines.errors import UserError
from engines.plans.certificate import LIMITS_MM, MIN_FRAMES, Certificate
from engines.plans.fingerprint import fingerprint, read_bytes, sha256_of
from engines.read_bounded import TEXT_BYTES
from engines.toml_config import build

FORMAT = 2
REBUILD = "realtime build-engine"
RUNTIMES = ("rtx", "tensorrt")
RTX_TARGETS = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")  # what TensorRT for RTX builds for
FORMS = ("step", "window")


@dataclass(frozen=True)
class Tensor:
    """An input or output of the plan; -1 is the batch axis."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PlanCard:
    """Everything a loader must know before it hands a plan to a GPU. Raises UserError for values that are none."""

    model: str
    source: str  # the name or path it was built from
    kind: str  # stream-gla-gcn | gla-gcn
    frames: int  # receptive field
    lookaheads: tuple[int, ...]  # one pose head each
    weights_sha256: str
    form: str  # step | window
    precision: str  # fp32 | fp16 | bf16 | int8
    conversion: str  # which tool made that precision, and what it left in fp32
    runtime: str  # rtx | tensorrt
    runtime_version: str
    via: str  # onnx | torch-tensorrt
    targets: tuple[str, ...]  # compute capabilities, e.g. sm86
    batch: tuple[int, int, int]  # smallest, best, largest
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    onnx_sha256: str
    onnx_opset: int
    opt_level: int
    workspace_mib: int | None
    motion: str  # the recording it was certified on, a path; empty: synthetic motion
    forced: bool
    build_s: float
    built_utc: str
    plan_bytes: int
    plan_sha256: str
    fingerprint: str
    parity: Certificate
    layers: dict[str, int] = field(default_factory=dict)  # operation and type -> how many, as the builder read them
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name, known in (("runtime", RUNTIMES), ("form", FORMS), ("precision", tuple(LIMITS_MM))):
            if getattr(self, name) not in known:
                raise UserError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        low, best, high = self.batch
        if not 1 <= low <= best <= high:
            raise UserError(f"batch must be smallest, best and largest, got {list(self.batch)}")
        if not self.targets:
            raise UserError("targets must name a GPU")

    @property
    def sha256(self) -> str:
        """Over all fields: written beside them, so that a card that was edited or damaged is noticed."""
        return fingerprint(asdict(self))

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self) | {"card_sha256": self.sha256}, indent=2) + "\n").encode()

    def rebuild(self, plan: Path | None = None, gpu: str | None = None) -> str:
        """The command that builds this plan again, as the file `plan`, and for `gpu` if given instead of its own."""
        runtime, targets = self.runtime, self.targets
        if gpu is not None:
            runtime, targets = runtime if gpu in RTX_TARGETS else "tensorrt", (gpu,)
        words = [*REBUILD.split(), self.source, "--form", self.form, "--precision", self.precision,
                 "--runtime", runtime, "--target", ",".join(targets) if runtime == "rtx" else "current",
                 "--batch", ",".join(map(str, self.batch)), "--opt-level", str(self.opt_level)]  # fmt: skip
        if self.workspace_mib is not None:
            words += ["--workspace", str(self.workspace_mib)]
        if self.motion:
            words += ["--motion", self.motion]
        if self.parity.frames != MIN_FRAMES:
            words += ["--parity-frames", str(self.parity.frames)]
        if self.forced:
            words += ["--force"]
        if plan is not None:
            words += ["-o", str(plan)]
        return shlex.join(words)


def sidecar_path(plan: Path) -> Path:
    return plan.with_name(plan.name + ".json")


def graph_path(plan: Path) -> Path:
    """Where --keep-onnx leaves the graph that a plan was built from."""
    return plan.with_name(plan.name + ".onnx")


def read_card(plan: Path) -> PlanCard:
    """The sidecar of `plan`, alone. Raises UserError where it is missing, unreadable or not as it was written."""
    path = sidecar_path(plan)
    if not path.exists():
        raise UserError(f"{plan} has no {path.name} beside it, so what it holds is unknown: copy both or {REBUILD}")
    try:
        return _card(json.loads(read_bytes(path, "the plan's card", TEXT_BYTES)))
    except (ValueError, RecursionError, UserError) as error:
        raise UserError(f"{path} is not a plan's card ({error}): {REBUILD}") from error


def load_plan(plan: Path) -> tuple[PlanCard, bytes]:
    """The card and the bytes of a plan. Raises UserError where either is missing or they do not belong together."""
    data = read_bytes(plan, "plan")
    card = read_card(plan)
    if len(data) != card.plan_bytes or sha256_of(data) != card.plan_sha256:
        raise UserError(f"{plan} is damaged, or {sidecar_path(plan).name} belongs to another plan (SHA-256 differs):"
                        f" {card.rebuild(plan)}")  # fmt: skip
    return card, data


def _card(raw: Any) -> PlanCard:
    if not isinstance(raw, dict) or "format" not in raw:
        raise UserError("it has no format")
    if raw["format"] != FORMAT:
        raise UserError(f"it has format {raw['format']!r}, this version reads {FORMAT}")
    if raw.pop("card_sha256", None) != fingerprint(raw):
        raise UserError("it was edited or damaged: the SHA-256 of its fields differs")
    card: PlanCard = build(PlanCard, raw, "the card")
    return card
