"""From a training run to files that run: safetensors, card and the ONNX graphs of its live forms, side by side."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from engines.errors import UserError
from engines.export.stream_onnx import stream_onnx
from engines.models.card import STREAM, ModelCard, graph_path, save_model
from engines.models.stream_gla_gcn import StreamGLAGCN
from engines.write_aside import write_aside


def ship(model: StreamGLAGCN, name: str, folder: Path) -> Path:
    """Write `name`.safetensors, .json and the live forms' ONNX graphs into `folder`; returns the safetensors path."""
    config = model.config
    if not config.dilated:
        raise UserError("a model without dilation has no step form and is not shipped: train with dilated = true")
    arrays = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    card = ModelCard(
        kind=STREAM, name=name, frames=config.frames, channels=config.channels, lookaheads=config.lookaheads,
        graph=config.graph, head=config.head, features=config.features,
        parameters=sum(p.numel() for p in model.parameters()),
    )  # fmt: skip
    path = folder / f"{name}.safetensors"
    graphs = {form: stream_onnx(card, arrays, form) for form in ("step", "rows", "chunk", "newest")}
    step, rows, chunk, newest = (hashlib.sha256(graph).hexdigest() for graph in graphs.values())
    card = replace(card, onnx_sha256=step, rows_sha256=rows, chunk_sha256=chunk, newest_sha256=newest)
    save_model(arrays, card, path)
    for form, graph in graphs.items():
        write_aside(graph_path(path, form), partial(Path.write_bytes, data=graph))
    return path
