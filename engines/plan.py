"""The sidecar of a TensorRT plan, `PLAN.json`: what the plan is, what it was checked against, and where it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from engines.artifacts import read_bytes, sha256_of
from engines.errors import UserError
from engines.parity import Certificate

FORMAT = 1
REBUILD = "realtime build-engine"


@dataclass(frozen=True)
class Tensor:
    """An input or output of the plan; -1 is the batch axis."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PlanCard:
    """Everything a loader must know before it hands a plan to a GPU."""

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
    build_s: float
    built_utc: str
    plan_bytes: int
    plan_sha256: str
    fingerprint: str
    parity: Certificate
    layers: dict[str, int] = field(default_factory=dict)  # operation and type -> how many, as the builder read them
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise UserError(f"the plan's card has format {self.format}, this version reads {FORMAT}: {REBUILD}")

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @property
    def rebuild(self) -> str:
        """The command that builds this plan again."""
        batch = ",".join(map(str, self.batch))
        return (f"{REBUILD} {self.source} --form {self.form} --precision {self.precision} --runtime {self.runtime}"
                f" --batch {batch} --target {','.join(self.targets)}")  # fmt: skip


def sidecar_path(plan: Path) -> Path:
    return plan.with_name(plan.name + ".json")


def read_card(plan: Path) -> PlanCard:
    """The sidecar of `plan`, alone. Raises UserError where it is missing or unreadable."""
    path = sidecar_path(plan)
    if not path.exists():
        raise UserError(f"{plan} has no {path.name} beside it, so what it holds is unknown: copy both or {REBUILD}")
    try:
        return _card(json.loads(read_bytes(path, "the plan's card")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is not a plan's card ({error}): {REBUILD}") from error


def load_plan(plan: Path) -> tuple[PlanCard, bytes]:
    """The card and the bytes of a plan. Raises UserError where either is missing or they do not belong together."""
    data = read_bytes(plan, "plan")
    card = read_card(plan)
    if len(data) != card.plan_bytes or sha256_of(data) != card.plan_sha256:
        raise UserError(f"{plan} is damaged, or {sidecar_path(plan).name} belongs to another plan (SHA-256 differs):"
                        f" {card.rebuild} -o {plan}")  # fmt: skip
    return card, data


def _card(raw: Mapping[str, Any]) -> PlanCard:
    known = {key: value for key, value in raw.items() if key in {item.name for item in fields(PlanCard)}}
    for key in ("lookaheads", "targets", "batch"):
        known[key] = tuple(known[key])
    for key in ("inputs", "outputs"):
        known[key] = tuple(Tensor(item["name"], tuple(item["shape"]), item["dtype"]) for item in known[key])
    known["parity"] = Certificate(**known["parity"])
    return PlanCard(**known)
