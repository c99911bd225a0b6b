"""A model's ONNX graph, of either kind: the one written with its weights, or exported (needs `onnx`)."""

from __future__ import annotations

from pathlib import Path

from engines.models.card import PAPER, ModelCard, graph_beside, load_arrays


def export(card: ModelCard, weights: Path, form: str = "step") -> bytes:
    """In float32. `form`: of a streaming model; the paper's has its window alone."""
    arrays = load_arrays(card, weights)
    if card.kind == PAPER:
        from engines.export.paper_onnx import paper_onnx

        return paper_onnx(card, arrays)
    from engines.export.stream_onnx import stream_onnx

    return stream_onnx(card, arrays, form)


def model_graph(card: ModelCard, weights: Path) -> bytes:
    """The step's graph, or the window's of the paper's model: the file that the card vouches for, else exported."""
    beside = graph_beside(card, weights)
    return export(card, weights) if beside is None else beside
