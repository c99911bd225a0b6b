"""Where the time of one step of the streaming model's graph goes: by kind of node, and what calling nodes costs alone.

ONNX Runtime's profile of nodes holds what writing it costs, which is more than most of our nodes do: the cheapest
node's time is taken off each. What calls cost is the time of the same nodes with next to nothing to multiply.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from engines.backends.base import StepShape, step_shape
from engines.backends.onnxruntime import OnnxRuntimeStep, session, session_options
from engines.export.model_graph import model_graph
from engines.models.card import ModelCard, find_model, graph_beside

_BLOCK = 30  # runs of either graph, in turns
_NARROW = 4  # channels: a 256th of the shipped model's multiplications, with the same nodes


def graph_parts(model: str | Path = "default", batch: int = 1, threads: int = 1, blocks: int = 20) -> dict[str, Any]:
    """Microseconds: `run_us` of a whole run, `calls_us` of its nodes with next to no work, `nodes_us` of what is left
    by kind of node; and how many nodes of each kind there are."""
    card, weights = find_model(model)
    rows, shape = graph_beside(card, weights, "rows"), step_shape(card)
    graph = rows or model_graph(card, weights)
    narrow_card, narrow = _narrow(card, "rows" if rows else "step")
    whole, calls = OnnxRuntimeStep(graph, shape, threads), OnnxRuntimeStep(narrow, step_shape(narrow_card), threads)
    run_us, calls_us = (median(times) for times in _in_turns(((whole, batch), (calls, 1)), blocks))
    counts, spent_us = _profiled(graph, shape, batch, threads, blocks * _BLOCK)
    left_us, total_us = max(run_us - calls_us, 0.0), sum(spent_us.values())
    nodes_us = {kind: round(left_us * spent / total_us, 2) for kind, spent in spent_us.items() if spent}
    return {"batch": batch, "threads": threads, "run_us": round(run_us, 2), "calls_us": round(calls_us, 2),
            "nodes": sum(counts.values()), "nodes_of": dict(counts), "nodes_us": nodes_us}  # fmt: skip


def _narrow(card: ModelCard, form: str) -> tuple[ModelCard, bytes]:
    """The same graph with few channels and random weights."""
    import torch

    from engines.export.stream_onnx import stream_onnx
    from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN

    torch.manual_seed(0)
    module = StreamGLAGCN(StreamConfig(channels=_NARROW, lookaheads=card.lookaheads, graph=card.graph,
                                       features=card.features))  # fmt: skip
    narrow = replace(card, channels=_NARROW)
    return narrow, stream_onnx(narrow, {key: value.numpy() for key, value in module.state_dict().items()}, form)


def _in_turns(steps: Sequence[tuple[OnnxRuntimeStep, int]], blocks: int) -> list[list[float]]:
    """Microseconds of each run of each step at its batch."""
    rng = np.random.default_rng(0)
    times: list[list[float]] = [[] for _ in steps]
    for step, batch in steps:
        buffers = step.buffers(batch)
        buffers.features[:] = rng.normal(0, 0.3, buffers.features.shape)
        buffers.taps[:] = rng.normal(0, 0.3, buffers.taps.shape)
        step.run(batch)
    for _ in range(blocks):
        for (step, batch), took_us in zip(steps, times, strict=True):
            for _ in range(_BLOCK):
                start = time.perf_counter_ns()
                step.run(batch)
                took_us.append((time.perf_counter_ns() - start) / 1e3)
    return times


def _profiled(graph: bytes, shape: StepShape, batch: int, threads: int, runs: int
              ) -> tuple[Counter[str], dict[str, float]]:  # fmt: skip
    """How many nodes there are of each kind, and what they take together in a usual run."""
    options = session_options(threads)
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "step")
        profiled = session(graph, threads, options)
        step = OnnxRuntimeStep(graph, shape, threads, make=lambda *_: profiled)
        step.buffers(batch).taps[:] = 0.1
        for _ in range(runs):
            step.run(batch)
        events = json.loads(Path(profiled.end_profiling()).read_bytes())
    took_us: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            took_us[event["args"]["op_name"], event["name"]].append(event["dur"])
    usual_us = {node: _middle(took) for node, took in took_us.items()}
    cheapest_us = min(usual_us.values())
    spent_us: dict[str, float] = defaultdict(float)
    for (kind, _), usual in usual_us.items():
        spent_us[kind] += usual - cheapest_us
    return Counter(kind for kind, _ in usual_us), dict(sorted(spent_us.items(), key=lambda item: -item[1]))


def _middle(values: Sequence[float]) -> float:
    """The mean of the middle half: the profile knows whole microseconds alone, a median would know no more."""
    quarter = len(values) // 4
    return fmean(sorted(values)[quarter : len(values) - quarter])
