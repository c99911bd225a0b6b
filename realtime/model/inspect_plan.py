"""What a plan is and whether it fits this machine: `realtime inspect`."""

from __future__ import annotations

from pathlib import Path

from engines.errors import UserError
from engines.machine.this_machine import this_machine
from engines.models.card import find_model
from engines.plans.fingerprint import read_bytes, sha256_of
from engines.plans.fitting import misfit
from engines.plans.plan import PlanCard, graph_path, load_plan


def inspect_plan(plan: Path, model: str | None = None) -> str:
    """The plan's card in words. Raises UserError where the plan, its ONNX graph or the weights are not the card's."""
    card, _ = load_plan(plan)
    lines = [describe(card), f"hashes     card {card.sha256[:16]}: as it was written\n",
             f"           plan {card.plan_sha256[:16]}: this file\n"]  # fmt: skip
    graph = graph_path(plan)
    if graph.exists():
        if sha256_of(read_bytes(graph, "graph")) != card.onnx_sha256:
            raise UserError(f"{graph} is not the graph of {plan} (SHA-256 differs): delete it, or"
                            f" {card.rebuild(plan)} --keep-onnx")  # fmt: skip
        lines.append(f"           graph {card.onnx_sha256[:16]}: {graph.name}\n")
    lines.append(f"           weights {card.weights_sha256[:16]}: {_weights(card, model, plan)}\n")
    lines.append(f"here       {misfit(card, this_machine(), plan) or 'fits this machine'}\n")
    return "".join(lines)


def _weights(card: PlanCard, model: str | None, plan: Path) -> str:
    try:
        found, path = find_model(model or card.source)
    except UserError:
        if model:
            raise
        return f"{card.model} is not installed under that name: name it with --model"
    if found.sha256 != card.weights_sha256:
        raise UserError(f"{plan} was built from other weights than {path}: {card.rebuild(plan)}")
    return str(path)


def describe(card: PlanCard) -> str:
    """The card as aligned lines."""
    low, best, high = card.batch
    tensors = [f"{tensor.name} {tuple(tensor.shape)} {tensor.dtype}" for tensor in (*card.inputs, *card.outputs)]
    heads = ", ".join(map(str, card.lookaheads))
    rows = (
        ("model", f"{card.model} ({card.kind}), {card.frames} frames, look-ahead {heads}"),
        ("plan", f"{card.form} form, {card.precision}, {card.plan_bytes:,} bytes, built {card.built_utc}"
                 f" in {card.build_s:.1f} s at level {card.opt_level}"),
        ("runtime", f"{card.runtime} {card.runtime_version} via {card.via}, for {', '.join(card.targets)}"),
        ("batch", f"{low} to {high}, best {best}"),
        ("tensors", "\n           ".join(tensors)),
        ("converted", f"{card.conversion}, ONNX opset {card.onnx_opset}"),
        ("layers", ", ".join(f"{count} {name}" for name, count in card.layers.items())),
        ("parity", str(card.parity)),
        ("", f"on {card.parity.data}; run by {card.parity.evaluated}"),
    )  # fmt: skip
    return "".join(f"{name:10} {text}\n" for name, text in rows)
