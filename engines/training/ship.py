"""From a training run to files that run: safetensors, card and the ONNX graphs of step and chunk, side by side."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from engines.checkpoint import STREAM, ModelCard, save_model, write_aside
from engines.errors import UserError
from engines.export_onnx import stream_onnx
from engines.stream_gla_gcn import StreamGLAGCN


def ship(model: StreamGLAGCN, name: str, folder: Path) -> Path:
    """Write `name`.safetensors, .json, .onnx and .chunk.onnx into `folder`; returns the safetensors path."""
    config = model.config
    if not config.dilated:
        raise UserError("a model without dilation has no step form and is not shipped: train with dilated = true")
    arrays = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    card = ModelCard(
        kind=STREAM, name=name, frames=config.frames, channels=config.channels, lookaheads=config.lookaheads,
        graph=config.graph, head=config.head, parameters=sum(p.numel() for p in model.parameters()),
    )  # fmt: skip
    path = folder / f"{name}.safetensors"
    step, chunk = stream_onnx(card, arrays, "step"), stream_onnx(card, arrays, "chunk")
    step_sha256, chunk_sha256 = (hashlib.sha256(graph).hexdigest() for graph in (step, chunk))
    save_model(arrays, replace(card, onnx_sha256=step_sha256, chunk_sha256=chunk_sha256), path)
    write_aside(path.with_suffix(".onnx"), lambda aside: aside.write_bytes(step))
    write_aside(path.with_suffix(".chunk.onnx"), lambda aside: aside.write_bytes(chunk))
    return path
