"""Plans of every kind, built from scratch: what `realtime bench engines` measures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.export.model_graph import export
from engines.models.card import PAPER, ModelCard, find_model, save_model
from engines.models.checkpoint import require_torch
from engines.models.normalise import to_camera
from engines.models.receptive_field import tap_spans
from engines.models.view import sequence_features
from engines.plans.build_tensorrt import BuildOptions, build
from engines.plans.certificate import Array, step_poses
from engines.plans.certify_model import Certifier, Motion, frames_needed, representative_feeds
from engines.plans.precision import Converted, convert, evaluator
from engines.plans.synthetic_motion import synthetic_motion

BATCHES = ((1, 1, 1), (1, 8, 64))
TARGETS = (("sm86",), ("sm80", "sm86", "sm89", "sm120"))
SEQUENCES = 8
WINDOW_COST = 16  # a window costs that many times a step: certify on fewer


@dataclass(frozen=True)
class PlanRow:
    model: str
    form: str
    precision: str
    batch: str
    targets: int
    plan_mib: float
    build_s: float
    max_mm: float
    mean_mm: float
    frames: int
    within_limit: bool
    held_out_mpjpe_mm: float | None
    conversion: str


def plan_rows(model: str, form: str, precision: str, poses: int, whole: bool, mocap: Path | None) -> Iterator[PlanRow]:
    """One conversion of a model, built for every batch and every number of targets."""
    card, weights = find_model(model)
    graph = export(card, weights, form)
    count = poses if form == "step" else max(8, poses // WINDOW_COST)
    motion = synthetic_motion(SEQUENCES, frames_needed(card, form, count, SEQUENCES))
    converted = _converted(graph, card, weights, form, precision, motion, whole)
    held_out = None
    if mocap is not None and form == "step":
        held_out = held_out_mpjpe_mm(converted.onnx, card, precision, mocap)
    for batch in BATCHES:
        for targets in TARGETS:
            built = build(converted.onnx, BuildOptions(targets=targets, batch=batch), targets)
            parity = converted.parity
            yield PlanRow(card.name, form, precision, f"{batch[0]} to {batch[2]}", len(targets),
                          round(len(built.plan) / 2**20, 2), round(built.build_s, 2), round(parity.max_mm, 4),
                          round(parity.mean_mm, 4), parity.frames, parity.within_limit, held_out,
                          converted.conversion)  # fmt: skip


def _converted(graph: bytes, card: ModelCard, weights: Path, form: str, precision: str, motion: Motion,
               whole: bool) -> Converted:  # fmt: skip
    certify = Certifier(graph, card, weights, form, precision, motion)
    feeds = representative_feeds(graph, card, form, motion, runs=4) if precision != "fp32" else []
    return convert(graph, precision, feeds, certify, force=whole)


def held_out_mpjpe_mm(graph: bytes, card: ModelCard, precision: str, mocap: Path, protocol: str = "own") -> float:
    """MPJPE of a streaming step graph, look-ahead 0, on held-out people (engines.evaluation.protocols)."""
    from engines.evaluation.evaluate import evaluate_protocol
    from engines.evaluation.protocols import held_out_clips

    session, _ = evaluator(graph, precision)

    def predict(rays: Array, score: Array) -> tuple[Array, None]:
        features, rotations = sequence_features(rays, score)
        spans = tap_spans(card.levels, card.lookaheads)
        poses = step_poses(session, features, spans)[:, :, :1]
        return to_camera(poses.reshape(-1, 1, 17, 3), rotations.reshape(-1, 3, 3)).reshape(poses.shape), None

    scores = evaluate_protocol(predict, protocol, held_out_clips(mocap), views=1)
    return round(float(scores[0].metrics.mpjpe_mm), 2)


def random_paper_model(folder: Path) -> Path:
    """The paper's T = 243 at full width with random weights: size and time of a plan do not depend on them."""
    require_torch("a paper model to build")
    import torch

    from engines.models.gla_gcn import GLAGCN

    torch.manual_seed(0)
    module = GLAGCN((3,) * 5, 96, 17, "shared").eval()
    arrays = {key: value.numpy() for key, value in module.state_dict().items() if "num_batches" not in key}
    path = folder / "gla-gcn-243.safetensors"
    card = ModelCard(PAPER, "gla-gcn-243", 243, 96, head="shared", widths=(3,) * 5)
    save_model(arrays, replace(card, parameters=int(sum(np.size(value) for value in arrays.values()))), path)
    return path
