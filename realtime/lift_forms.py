"""The streaming model's other two forms over a recording: the whole sequence at once, or a window for each frame.

Same weights, same resampled clock as the live steps, so the same poses; for checks, and for speed on long recordings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.checkpoint import STREAM, ModelCard, find_model, load_arrays, load_model
from engines.errors import UserError
from engines.lifter import RATE_HZ
from engines.normalise import normalise, to_camera
from realtime.contracts import Array
from realtime.people import LiftedPerson
from realtime.resample import Resampler, Tick

CHUNK_FRAMES = 2048
CHUNK_WINDOWS = 32

# features (T, 17, F) -> pose (T, K, 17, 3), sigma (T, K, 17)
Form = Callable[[Array], tuple[Array, Array]]


def load_form(model: str | Path, mode: str, engine: str, threads: int) -> tuple[ModelCard, Form]:
    """`mode` sequence or window on `engine` auto, onnxruntime or torch. Raises UserError for a paper model."""
    card, weights = find_model(model)
    if card.kind != STREAM:
        raise UserError(f"{card.name} is the paper's model and has no {mode} mode: use --mode stream")
    run = _torch(weights, mode, threads) if engine == "torch" else _onnx(card, weights, mode, engine, threads)
    return card, _chunked_sequence(card, run) if mode == "sequence" else _chunked_windows(card, run)


def lift_form(
    card: ModelCard, form: Form, lookahead: int, times_ns: NDArray[np.int64], rays: Array, score: Array
) -> list[LiftedPerson]:
    """Poses of one unbroken stretch, rays (T, 17, 2), at the ticks of the model's clock, in live order."""
    if lookahead not in card.lookaheads:
        raise UserError(f"model {card.name} has no look-ahead {lookahead}: choose one of {list(card.lookaheads)}")
    phases = _committed(times_ns, rays, score)
    head = card.lookaheads.index(lookahead)
    poses: list[tuple[int, LiftedPerson]] = []  # with when each would have come out of the live lifter
    for orders, ticks in phases.values():
        # the recording's last frame stands for the future it does not have
        all_rays = np.stack([*(tick.rays for tick in ticks), *[rays[-1]] * lookahead])
        all_scores = np.stack([*(tick.score for tick in ticks), *[score[-1]] * lookahead])
        features, rotations = normalise(all_rays, all_scores)
        pose, sigma = form(features)
        joints = to_camera(pose[lookahead:, head], rotations[: len(ticks)])
        come_out = [*orders[lookahead:], *[sys.maxsize] * lookahead]
        for row, tick in enumerate(ticks):
            fill = min((row + 1 + lookahead) / card.frames, 1.0)
            person = LiftedPerson(joints[row], sigma[lookahead + row, head], fill, tick.source_ns)
            poses.append((come_out[row], person))
    return [person for _, person in sorted(poses, key=lambda item: item[0])]


def _committed(times_ns: NDArray[np.int64], rays: Array, score: Array) -> dict[int, tuple[list[int], list[Tick]]]:
    """Each phase's committed ticks, and their places in the order of all ticks."""
    resampler = Resampler(RATE_HZ)
    phases: dict[int, tuple[list[int], list[Tick]]] = {}
    order = 0
    for source_ns, frame_rays, frame_score in zip(times_ns.tolist(), rays, score, strict=True):
        for tick in resampler.push(source_ns, frame_rays, frame_score):
            order += 1
            if tick.commit:
                orders, ticks = phases.setdefault(tick.phase, ([], []))
                orders.append(order)
                ticks.append(tick)
    return phases


def _onnx(card: ModelCard, weights: Path, mode: str, engine: str, threads: int) -> Form:
    if engine not in ("auto", "onnxruntime"):
        raise UserError(f"engine {engine!r} has no {mode} mode: choose onnxruntime or torch")
    from engines.backends.onnxruntime import session
    from engines.export_onnx import stream_onnx

    graph = session(stream_onnx(card, load_arrays(card, weights), mode), threads)

    def run(features: Array) -> tuple[Array, Array]:
        pose, sigma = graph.run(["pose", "sigma"], {"features": features})
        return pose, sigma

    return run


def _torch(weights: Path, mode: str, threads: int) -> Form:
    _, module = load_model(weights)
    import torch

    from engines.stream_gla_gcn import StreamGLAGCN

    assert isinstance(module, StreamGLAGCN)
    torch.set_num_threads(threads)

    def run(features: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            x = torch.from_numpy(features)
            pose, sigma = module.window(x) if mode == "window" else (out[0] for out in module(x[None]))
        return pose.numpy(), sigma.numpy()

    return run


def _chunked_sequence(card: ModelCard, run: Form) -> Form:
    """A chunk begins a receptive field early, so that where it is cut does not show."""

    def form(features: Array) -> tuple[Array, Array]:
        parts = []
        for start in range(0, len(features), CHUNK_FRAMES):
            early = min(start, card.window_frames - 1)
            pose, sigma = run(features[start - early : start + CHUNK_FRAMES])
            parts.append((pose[early:], sigma[early:]))
        return np.concatenate([pose for pose, _ in parts]), np.concatenate([sigma for _, sigma in parts])

    return form


def _chunked_windows(card: ModelCard, run: Form) -> Form:
    """Every frame's own window, the first frame repeated before the beginning."""

    def form(features: Array) -> tuple[Array, Array]:
        at = np.maximum(np.arange(len(features))[:, None] + np.arange(1 - card.window_frames, 1), 0)  # (T, window)
        chunks = [at[start : start + CHUNK_WINDOWS] for start in range(0, len(at), CHUNK_WINDOWS)]
        parts = [run(features[chunk]) for chunk in chunks]
        return np.concatenate([pose for pose, _ in parts]), np.concatenate([sigma for _, sigma in parts])

    return form
