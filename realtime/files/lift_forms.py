"""The streaming model's other two forms over a recording: the whole sequence at once, or a window for each frame.

Same weights, same resampled clock as the live steps, so the same poses; for checks, and for speed on long recordings.
A model that reads what is known of the body (engines.models.known) is told nothing here: that is learned from its
poses, which live come one after the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.lifting.poses import RATE_HZ
from engines.models.card import STREAM, ModelCard, find_model
from engines.models.checkpoint import load_model
from engines.models.normalise import to_camera
from engines.models.view import View
from realtime.contracts import Array
from realtime.pipeline.lift_batch import LiftedPerson
from realtime.pipeline.own_frames import repeats
from realtime.pipeline.resample import Resampler, Tick

CHUNK_FRAMES = 2048
CHUNK_WINDOWS = 32

# features (T, 17, F), or windows of them (N, W, 17, F) -> pose (T or N, K, 17, 3), sigma (T or N, K, 17)
Run = Callable[[Array], tuple[Array, Array]]


class Form:
    """One of the two forms of a model, for all frames at once. Frames that the live lifter does not remember are lifted
    in a window of their own in either."""

    def __init__(self, card: ModelCard, mode: str, load: Callable[[str], Run]) -> None:
        self.card, self._mode, self._load = card, mode, load

    def load(self) -> None:
        """What `frames` runs. Raises UserError where it cannot be."""
        _ = self._run_window if self._mode == "window" else self._run_sequence

    @cached_property
    def _run_window(self) -> Run:
        return self._load("window")

    @cached_property
    def _run_sequence(self) -> Run:
        return self._load("sequence")

    def frames(self, features: Array) -> tuple[Array, Array]:
        """Features (T, 17, F) of successive frames -> pose (T, K, 17, 3), sigma (T, K, 17)."""
        if self._mode == "window":
            return self.after(features, np.arange(len(features)), features)
        parts = []
        for start in range(0, len(features), CHUNK_FRAMES):
            # a receptive field early, so that where a chunk is cut does not show
            early = min(start, self.card.window_frames - 1)
            pose, sigma = self._run_sequence(features[start - early : start + CHUNK_FRAMES])
            parts.append((pose[early:], sigma[early:]))
        return _joined(parts)

    def after(self, features: Array, seen: NDArray[np.intp], now: Array) -> tuple[Array, Array]:
        """Frames `now` (N, 17, F), each after the first `seen` (N,) frames of `features`, in a window each.

        The first frame is repeated before the beginning; a frame with nothing before it repeats itself.
        """
        back = np.arange(1 - self.card.window_frames, 0)
        parts = []
        for start in range(0, len(now), CHUNK_WINDOWS):
            rows = slice(start, start + CHUNK_WINDOWS)
            at = np.maximum(seen[rows, None] + back, 0)  # (N, W - 1)
            past = np.where((seen[rows] > 0)[:, None, None, None], features[at], now[rows, None])
            parts.append(self._run_window(np.concatenate((past, now[rows, None]), 1)))
        return _joined(parts)


def load_form(model: str | Path, mode: str, engine: str, threads: int) -> Form:
    """`mode` sequence or window on `engine` auto, onnxruntime or torch, loaded. Raises UserError for a paper model, and
    where it cannot be loaded."""
    card, weights = find_model(model)
    if card.kind != STREAM:
        raise UserError(f"{card.name} is the paper's model and has no {mode} mode: use --mode stream")
    if engine not in ("auto", "onnxruntime", "torch"):
        raise UserError(f"engine {engine!r} has no {mode} mode: choose onnxruntime or torch")
    run = partial(_torch, weights) if engine == "torch" else partial(_onnx, card, weights)
    form = Form(card, mode, partial(run, threads))
    form.load()
    return form


@dataclass(frozen=True, slots=True, eq=False)
class _Lifted:
    """A tick, how many its stream had remembered before it, its place in the order of all ticks, the time of the frame
    that brought it, and how it is seen."""

    tick: Tick
    seen: int
    order: int
    pushed_ns: int
    features: Array  # (17, F)
    rotation: Array  # (3, 3)


@dataclass(slots=True, eq=False)
class _Stream:
    """What one of the live lifter's streams is given."""

    view: View
    committed: list[_Lifted] = field(default_factory=list)
    early: list[_Lifted] = field(default_factory=list)  # lifted, not remembered


class Pushed(NamedTuple):
    source_ns: int  # of the frame that brings the pose
    pose: LiftedPerson


def lift_form(form: Form, lookahead: int, times_ns: NDArray[np.int64], rays: Array, score: Array) -> list[Pushed]:
    """Poses of one unbroken stretch, rays (T, 17, 2), at the ticks of the model's clock, in live order; `lookahead`
    one that the model has."""
    lifted: list[tuple[int, Pushed]] = []  # with its place in live order
    for stream in _streams(times_ns, rays, score, lookahead, form.card.features):
        features, views = _seen(stream.committed)
        lifted += _persons(form, lookahead, stream, stream.committed, views, form.frames(features))
        if stream.early:
            now, own_views = _seen(stream.early)
            after = form.after(features, np.array([tick.seen for tick in stream.early]), now)
            lifted += _persons(form, lookahead, stream, stream.early, views if lookahead else own_views, after)
    return [pushed for _, pushed in sorted(lifted, key=lambda item: item[0])]


def _seen(ticks: list[_Lifted]) -> tuple[Array, Array]:
    """Features (T, 17, F) and rotations (T, 3, 3)."""
    return np.stack([one.features for one in ticks]), np.stack([one.rotation for one in ticks])


def _persons(
    form: Form, lookahead: int, stream: _Stream, ticks: list[_Lifted], views: Array, poses: tuple[Array, Array]
) -> list[tuple[int, Pushed]]:
    """With look-ahead the pose is of the remembered frame that many before; of the first while there are fewer."""
    (pose, sigma), head = poses, form.card.lookaheads.index(lookahead)
    out = []
    for row, one in enumerate(ticks):
        answered = max(one.seen - lookahead, 0) if lookahead else row
        of = stream.committed[answered].tick if lookahead else one.tick
        joints_m = to_camera(pose[row, head][None], views[answered][None])[0]
        fill = min((one.seen + one.tick.commit) / form.card.frames, 1.0)
        pose_of = LiftedPerson(joints_m, sigma[row, head], fill, of.source_ns)
        out.append((one.order, Pushed(one.pushed_ns, pose_of)))
    return out


def _streams(
    times_ns: NDArray[np.int64], rays: Array, score: Array, lookahead: int, features: int
) -> list[_Stream]:  # fmt: skip
    """Up to where the last frame's own pose is out."""
    resampler, order = Resampler(RATE_HZ), itertools.count()
    streams: list[_Stream] = []
    current: dict[int, _Stream] = {}  # phase -> its stream since the last reset
    answered_ns = int(times_ns[-1]) + (not lookahead)  # with look-ahead the recording's end must be repeated
    repeated = zip(repeats(times_ns.tolist()), itertools.repeat(rays[-1]), itertools.repeat(score[-1]), strict=False)
    recorded = zip(times_ns.tolist(), rays, score, strict=True)
    for source_ns, frame_rays, frame_score in itertools.chain(recorded, repeated):
        if source_ns > times_ns[-1] and answered_ns > times_ns[-1]:
            break
        for tick in resampler.push(source_ns, frame_rays, frame_score):
            if tick.reset:
                current[tick.phase] = _Stream(View(features))
                streams.append(current[tick.phase])
            stream = current[tick.phase]
            seen = len(stream.committed)
            looked = stream.view.push(tick.rays.tolist(), tick.score.tolist(), tick.commit)
            lifted = _Lifted(tick, seen, next(order), source_ns, *(np.array(part, np.float32) for part in looked))
            (stream.committed if tick.commit else stream.early).append(lifted)
            if lookahead:
                answered_ns = stream.committed[max(seen - lookahead, 0)].tick.source_ns
    return streams


def _onnx(card: ModelCard, weights: Path, threads: int, form: str) -> Run:
    from engines.backends.onnxruntime import session
    from engines.export.model_graph import export

    graph = session(export(card, weights, form), threads)

    def run(features: Array) -> tuple[Array, Array]:
        pose, sigma = graph.run(["pose", "sigma"], {"features": features})
        return pose, sigma

    return run


def _torch(weights: Path, threads: int, form: str) -> Run:
    _, module = load_model(weights)
    import torch

    from engines.models.stream_gla_gcn import StreamGLAGCN

    assert isinstance(module, StreamGLAGCN)
    torch.set_num_threads(threads)

    def run(features: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            x = torch.from_numpy(features)
            pose, sigma = module.window(x) if form == "window" else (out[0] for out in module(x[None]))
        return pose.numpy(), sigma.numpy()

    return run


def _joined(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    return np.concatenate([pose for pose, _ in parts]), np.concatenate([sigma for _, sigma in parts])
