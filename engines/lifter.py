"""One interface over both models: open a stream for each person, push each frame's keypoints, get poses.

`load_lifter` picks the model and the engine. Streams come and go at run time; one push steps many in one call.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from engines.backends.base import Float, KeepsTaps, RunsChunks, StepBackend, StepBuffers, StepShape, Taps
from engines.checkpoint import PAPER, ModelCard, find_model, graph_beside
from engines.errors import UserError
from engines.normalise import FEATURES, normalise, to_camera
from engines.receptive_field import tap_spans
from engines.slots import Slots
from engines.taps import TapMemory
from engines.turns import Turns

_log = logging.getLogger("realtime.engines.lifter")  # below what the processes hand on to the terminal

RATE_HZ = 30.0
ENGINES = ("auto", "onnxruntime", "torch", "tensorrt")
ALIGNMENTS = ("centre", "end")  # where in its window the paper's model's pose is

Commit = Sequence[bool] | None  # one a stream; None: all
Traceback = TracebackType | None


@dataclass(frozen=True, slots=True, eq=False)
class LiftedPoses:
    """Poses of one push; the arrays belong to the lifter and hold until its next push."""

    joints_m: Float  # (B, 17, 3) camera axes, the hip at the origin
    sigma_m: Float  # (B, 17)
    window_fill: Float  # (B,) 0 to 1
    lag_frames: int


class Lifter(Protocol):
    """Use as a context manager. `push` takes rays (B, 17, 2), NaN where unseen, and scores (B, 17)."""

    name: str
    engine: str
    rate_hz: float
    lag_frames: int
    frames: int
    chunk_frames: int  # successive frames of one stream that `push_chunk` takes; 1: there is only `push`
    remembers: bool  # has `remember`, which costs nothing; where False, a frame is remembered by lifting it

    @property
    def state_bytes_per_stream(self) -> int: ...

    def __enter__(self) -> Lifter: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: Traceback) -> None: ...

    def open(self) -> int: ...

    def close(self, stream: int) -> None: ...

    def reset(self, stream: int) -> None: ...

    def push(self, streams: Sequence[int], rays: Float, score: Float, commit: Commit = None) -> LiftedPoses: ...

    def push_chunk(self, stream: int, rays: Float, score: Float) -> LiftedPoses: ...

    def remember(self, stream: int, rays: Float, score: Float) -> None: ...


class StreamLifter:
    """The streaming model, one frame at a time on any StepBackend."""

    remembers = False  # what it keeps of a frame are the activations of lifting it

    def __init__(self, card: ModelCard, backend: StepBackend, lookahead: int = 0) -> None:
        if lookahead not in card.lookaheads:
            raise UserError(f"model {card.name} has no look-ahead {lookahead}: choose one of {list(card.lookaheads)}")
        self.name, self.engine, self.rate_hz = card.name, backend.name, RATE_HZ
        self.frames, self.lag_frames = card.frames, lookahead
        self._head = card.lookaheads.index(lookahead)
        self._backend = backend
        self.chunk_frames = max(backend.chunk_frames, 1) if isinstance(backend, RunsChunks) else 1
        self._memory: Taps = backend.memory() if isinstance(backend, KeepsTaps) else TapMemory(backend.shape)
        self._slots, self._turns = Slots(), Turns(backend)
        self._seen: dict[int, int] = {}  # frames committed since the stream was primed; absent: prime at the next push
        self._views = np.zeros((0, lookahead + 1, 3, 3), np.float32)  # each stream's last rotations, as a ring
        self._out: dict[int, LiftedPoses] = {}

    def __enter__(self) -> StreamLifter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: Traceback) -> None:
        self._backend.close()

    @property
    def state_bytes_per_stream(self) -> int:
        return self._memory.bytes_per_stream

    def open(self) -> int:
        slot = self._slots.take()
        if slot >= len(self._views):
            capacity = max(1, 2 * len(self._views))
            self._memory.grow(capacity)
            more = np.zeros((capacity - len(self._views), *self._views.shape[1:]), np.float32)
            self._views = np.concatenate((self._views, more))
        self._seen.pop(slot, None)
        return slot

    def close(self, stream: int) -> None:
        self._slots.free(stream)

    def reset(self, stream: int) -> None:
        self._slots.check([stream])
        self._seen.pop(stream, None)

    def push(self, streams: Sequence[int], rays: Float, score: Float, commit: Commit = None) -> LiftedPoses:
        """Lift one frame of each stream. A stream's first frame primes it: as if that frame had always been there.

        `commit` False steps without storing: a frame between two ticks of the model's clock.
        """
        self._slots.check(streams)
        kept = [True] * len(streams) if commit is None else commit
        if len(streams) > self._turns.limit:
            return self._turns.push(self._push, self._output(len(streams)), streams, rays, score, kept)
        return self._push(streams, rays, score, kept)

    def _push(self, streams: Sequence[int], rays: Float, score: Float, kept: Sequence[bool]) -> LiftedPoses:
        batch = len(streams)
        buffers = self._backend.buffers(batch)
        _, rotations = normalise(rays, score, buffers.features)
        fresh = [row for row, stream in enumerate(streams) if stream not in self._seen]
        if fresh:
            self._prime(streams, fresh, buffers.features[fresh], rotations)
        self._memory.gather(streams, buffers.taps)
        self._backend.run(batch)
        self._memory.store(streams, kept, buffers.activations)
        return self._answer(buffers, streams, kept, rotations)

    def push_chunk(self, stream: int, rays: Float, score: Float) -> LiftedPoses:
        """Lift a stream's next frames in one call: rays (n, 17, 2), scores (n, 17), n up to `chunk_frames`.

        A row a frame; the same poses as a push of each, all committed.
        """
        self._slots.check([stream])
        frames = len(rays)
        if not 1 <= frames <= self.chunk_frames:
            raise ValueError(f"a chunk has 1 to {self.chunk_frames} frames here, got {frames}")
        assert isinstance(self._backend, RunsChunks)
        assert isinstance(self._memory, TapMemory)
        buffers = self._backend.chunk_buffers(frames)
        _, rotations = normalise(rays, score, buffers.features)
        if stream not in self._seen:
            self._prime([stream], [0], buffers.features[:1], rotations)
        self._memory.gather_chunk(stream, frames, buffers.taps)
        self._backend.run_chunk(frames)
        self._memory.store_chunk(stream, buffers.activations)
        return self._answer(buffers, [stream] * frames, [True] * frames, rotations)

    def remember(self, stream: int, rays: Float, score: Float) -> None:
        """One frame, rays (17, 2) and scores (17,), of which no pose is wanted."""
        self.push([stream], rays[None], score[None])

    def _answer(
        self, buffers: StepBuffers, streams: Sequence[int], kept: Sequence[bool], rotations: Float
    ) -> LiftedPoses:
        """A row's pose back in camera axes, by the view of the frame that it is the pose of."""
        out, views = self._output(len(streams)), rotations
        if self.lag_frames:
            views, ring = np.empty_like(rotations), self.lag_frames + 1
        for row, stream in enumerate(streams):
            if self.lag_frames:
                now = self._seen[stream] % ring
                views[row] = self._views[stream, (now + 1) % ring]
                if kept[row]:
                    self._views[stream, now] = rotations[row]
            self._seen[stream] += kept[row]
            out.window_fill[row] = min(self._seen[stream] / self.frames, 1.0)
        out.joints_m[:] = to_camera(buffers.pose[:, self._head], views)
        out.sigma_m[:] = buffers.sigma[:, self._head]
        return out

    def _prime(self, streams: Sequence[int], fresh: list[int], features: Float, rotations: Float) -> None:
        """Fill the taps with the frame's own activations: a row's are right once those before it are, so R runs."""
        batch = len(fresh)
        buffers = self._backend.buffers(batch)
        whole = features.copy()  # the same array as the batch's own where all are fresh
        buffers.features[:] = whole
        for tap_row in range(len(self._backend.shape.spans)):
            self._backend.run(batch)
            self._memory.settle(tap_row, buffers.taps, buffers.activations)
        for row, index in enumerate(fresh):
            stream = streams[index]
            self._memory.fill(stream, row, buffers.activations)
            self._views[stream] = rotations[index]
            self._seen[stream] = 0

    def _output(self, batch: int) -> LiftedPoses:
        if batch not in self._out:
            joints = self._backend.shape.joints
            self._out[batch] = LiftedPoses(
                joints_m=np.zeros((batch, joints, 3), np.float32), sigma_m=np.zeros((batch, joints), np.float32),
                window_fill=np.zeros(batch, np.float32), lag_frames=self.lag_frames,
            )  # fmt: skip
        return self._out[batch]


def step_shape(card: ModelCard) -> StepShape:
    spans = tap_spans(card.levels, card.lookaheads)
    return StepShape(spans, card.joints, FEATURES, card.channels, len(card.lookaheads))


def check_lifter(
    model: str | Path, engine: str, lookahead: int, plan: Path | None, align: str | None = None
) -> tuple[ModelCard, Path]:
    """What can be told without loading anything, and the model found. Raises UserError."""
    if engine not in ENGINES:
        raise UserError(f"engine {engine!r} is unknown: choose one of {', '.join(ENGINES)}")
    if plan is not None and engine not in ("auto", "tensorrt"):
        raise UserError(f"engine {engine} runs no plan: leave --plan out, or choose --engine tensorrt")
    if plan is not None and not plan.exists():
        raise UserError(f"there is no plan {plan}: 'realtime build-engine' makes one; without --plan one is looked for")
    card, weights = find_model(model)
    if lookahead and lookahead not in card.lookaheads:
        known = list(card.lookaheads) or [0]
        raise UserError(f"model {card.name} has no look-ahead {lookahead}: choose one of {known}")
    check_align(card, align)
    return card, weights


def check_align(card: ModelCard, align: str | None) -> None:
    """None: as the model has it. Raises UserError for what it does not have."""
    if align is not None and align not in ALIGNMENTS:
        raise UserError(f"align {align!r} is unknown: choose {' or '.join(ALIGNMENTS)}")
    if align is not None and card.kind != PAPER:
        raise UserError(f"model {card.name} has no window to align in: leave out --align, which is for the paper's")


def load_lifter(
    model: str | Path = "default", engine: str = "auto", lookahead: int = 0, threads: int = 1,
    align: str | None = None, plan: Path | None = None,
) -> Lifter:  # fmt: skip
    """The lifter for a model by name or path; `engine` auto, onnxruntime, torch or tensorrt (with `plan`).

    `align` is for the paper's model (None: centre), `lookahead` for the others. Raises UserError for what the model
    does not have.
    """
    card, weights = check_lifter(model, engine, lookahead, plan, align)
    if card.kind == PAPER:
        from engines.window import load_window_lifter

        return load_window_lifter(card, weights, engine, threads, align or ALIGNMENTS[0], plan)
    return StreamLifter(card, _step_backend(card, weights, engine, threads, plan), lookahead)


def _step_backend(card: ModelCard, weights: Path, engine: str, threads: int, plan: Path | None) -> StepBackend:
    if engine in ("auto", "tensorrt"):
        from engines.backends.tensorrt import TensorRTStep, runner_for

        runner, why = runner_for(card, "step", engine, plan)
        _log.info("%s", why)
        if runner:
            return TensorRTStep(runner, step_shape(card))
    if engine in ("auto", "onnxruntime"):
        from engines.backends.onnxruntime import OnnxRuntimeStep

        chunk = graph_beside(card, weights, "chunk")
        return OnnxRuntimeStep(step_graph(card, weights), step_shape(card), threads, chunk)
    from engines.checkpoint import load_model

    _, module = load_model(weights)  # says what to install where torch is missing
    from engines.backends.torch import TorchStep

    return TorchStep(module, step_shape(card), threads)  # type: ignore[arg-type]


def step_graph(card: ModelCard, weights: Path) -> bytes:
    """The step's ONNX graph: the file the card vouches for, else exported on the spot (needs `onnx`)."""
    beside = graph_beside(card, weights)
    if beside is not None:
        return beside
    from engines.checkpoint import load_arrays
    from engines.export_onnx import stream_onnx

    return stream_onnx(card, load_arrays(card, weights))
