"""The windowed lifter: the paper's model behind the same interface as the streaming one.

Every push runs the window again. `align`: "centre" gives the pose of the window's centre frame, (T - 1) / 2 frames ago,
as the paper does; "end" gives the pose of the frame just pushed, the second half of the window repeating it.

Rays come in and are seen through the paper's nominal camera (engines.models.paper_view). The model knows no missing
joints: one that is not seen keeps its last place in the window, or that of the joints seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from engines.backends.base import Float
from engines.backends.window import OnnxRuntimeWindow, TorchWindow, WindowBackend
from engines.errors import UserError
from engines.export.model_graph import model_graph
from engines.lifting.poses import RATE_HZ, LiftedPoses, believable, check_align
from engines.lifting.slots import Slots
from engines.lifting.turns import Turns
from engines.models.card import ModelCard
from engines.models.checkpoint import load_published
from engines.models.known import Known
from engines.models.normalise import MIN_SCORE
from engines.models.paper_view import RAY_TO_PAPER
from engines.models.skeleton import JOINTS

_log = logging.getLogger("realtime.engines.window")


# The paper's model tells no error of its own; its published one is 44 mm on the person's joints.
NOMINAL_SIGMA_M = 0.05


class WindowLifter:
    """The paper's model on any WindowBackend; see the module and `engines.lifting.poses.Lifter`."""

    remembers = True

    def __init__(self, card: ModelCard, backend: WindowBackend, align: str = "centre") -> None:
        check_align(card, align)
        if card.joints != JOINTS:
            raise UserError(f"model {card.name} has {card.joints} joints, streams have {JOINTS}: import another")
        self.name, self.engine, self.rate_hz, self.frames = card.name, backend.name, RATE_HZ, card.frames
        self.chunk_frames = 1
        self.lag_frames = (card.frames - 1) // 2 if align == "centre" else 0
        # past frames in the window, the current one behind them; "end" repeats it to the end
        self._past = card.frames - 1 if align == "centre" else (card.frames - 1) // 2
        self._backend = backend
        self._slots, self._turns = Slots(), Turns(backend)
        self._memory = np.zeros((0, max(self._past, 1), JOINTS, 2), np.float32)  # each stream's past, as a ring
        self._seen = self._slots.seen
        self._last: dict[int, Float] = {}  # the last known place of each joint, (17, 2)
        self._out: dict[int, LiftedPoses] = {}

    def __enter__(self) -> WindowLifter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._backend.close()

    @property
    def state_bytes_per_stream(self) -> int:
        """The past, and the last known place of each joint."""
        return int(np.prod(self._memory.shape[1:]) + JOINTS * 2) * self._memory.itemsize

    def open(self) -> int:
        slot = self._slots.take()
        if slot >= len(self._memory):
            more = max(1, len(self._memory))
            self._memory = np.concatenate((self._memory, np.zeros((more, *self._memory.shape[1:]), np.float32)))
        return slot

    def close(self, stream: int) -> None:
        self._slots.free(stream)

    def reset(self, stream: int) -> None:
        self._slots.reset(stream)

    def push(
        self, streams: Sequence[int], rays: Float, score: Float, commit: Sequence[bool] | None = None
    ) -> LiftedPoses:
        """Lift one frame of each stream, rays (B, 17, 2) and scores (B, 17); a stream's first frame fills its window.

        `commit` False lifts without storing. The poses hold until the next push.
        """
        self._slots.check(streams)
        score = believable(score)
        kept = [True] * len(streams) if commit is None else commit
        return self._turns.push(self._push, self._output, streams, rays, score, kept)

    def _push(self, streams: Sequence[int], rays: Float, score: Float, kept: Sequence[bool]) -> LiftedPoses:
        batch = len(streams)
        features = self._backend.buffers(batch).features
        for row, stream in enumerate(streams):
            frame = self._place(stream, rays[row], score[row])
            self._write_window(stream, frame, features[row])
            if kept[row]:
                self._keep(stream, frame)
        self._backend.run(batch)
        out = self._output(batch)
        out.joints_m[:] = self._backend.buffers(batch).pose[:, 0]
        out.joints_m[:, 0] = 0  # training has the hip at the origin; what the model gives there is its residue
        for row, stream in enumerate(streams):
            out.window_fill[row] = min(self._seen[stream] / (self._past + 1), 1.0)
        return out

    def push_chunk(self, stream: int, rays: Float, score: Float, newest: bool = False) -> LiftedPoses:
        """A window runs anew for every frame: a chunk is one frame."""
        return self.push([stream], rays, score)

    def tell(self, stream: int, known: Known) -> None:
        """The paper's model reads keypoints alone."""

    def finish(self) -> None:
        """Nothing is ever left to be done."""

    def remember(self, stream: int, rays: Float, score: Float) -> None:
        """One frame, rays (17, 2) and scores (17,), of which no pose is wanted: no window is run."""
        self._slots.check([stream])
        self._keep(stream, self._place(stream, rays, score))

    def _keep(self, stream: int, frame: Float) -> None:
        self._memory[stream, self._seen[stream] % len(self._memory[stream])] = frame
        self._last[stream] = frame
        self._seen[stream] += 1

    def _place(self, stream: int, rays: Float, score: Float) -> Float:
        """The frame in the paper's coordinates, (17, 2), nothing missing; fills a fresh stream's memory with it."""
        seen = np.isfinite(rays).all(-1) & (score >= MIN_SCORE)
        fresh = stream not in self._seen
        if fresh:
            middle = rays[seen].mean(0) * RAY_TO_PAPER if seen.any() else np.zeros(2)
            known = np.tile(middle, (JOINTS, 1)).astype(np.float32)
        else:
            known = self._last[stream]
        frame = np.where(seen[:, None], rays * np.float32(RAY_TO_PAPER), known).astype(np.float32)
        if fresh:
            self._memory[stream], self._last[stream], self._seen[stream] = frame, frame, 0
        return frame

    def _write_window(self, stream: int, frame: Float, window: Float) -> None:
        """Past frames in order, then the current one to the window's end."""
        if self._past:
            oldest = self._seen[stream] % self._past
            window[: self._past - oldest] = self._memory[stream, oldest:]
            window[self._past - oldest : self._past] = self._memory[stream, :oldest]
        window[self._past :] = frame

    def _output(self, batch: int) -> LiftedPoses:
        if batch not in self._out:
            sigma = np.full((batch, JOINTS), NOMINAL_SIGMA_M, np.float32)
            joints = np.zeros((batch, JOINTS, 3), np.float32)
            self._out[batch] = LiftedPoses(joints, sigma, np.zeros(batch, np.float32), self.lag_frames)
        return self._out[batch]


def load_window_lifter(card: ModelCard, weights: Path, engine: str = "auto", threads: int = 1,
                       align: str = "centre", plan: Path | None = None) -> WindowLifter:  # fmt: skip
    """The lifter of an imported paper model on `engine` auto, onnxruntime, torch or tensorrt (with `plan`)."""
    if engine in ("auto", "tensorrt"):
        from engines.backends.tensorrt import TensorRTWindow, runner_for
        from engines.plans.fitting import has_plans

        runner, why = runner_for(card, "window", engine, plan)
        _log.log(logging.INFO if runner or plan or has_plans() else logging.DEBUG, "%s", why)
        if runner:
            return WindowLifter(card, TensorRTWindow(runner), align)
    make = ENGINES.get(engine)
    if make is None:
        raise UserError(f"engine {engine!r} does not run {card.name}: choose tensorrt or one of {', '.join(ENGINES)}")
    return WindowLifter(card, make(card, weights, threads), align)


def _onnxruntime(card: ModelCard, weights: Path, threads: int) -> WindowBackend:
    return OnnxRuntimeWindow(model_graph(card, weights), card.frames, card.joints, threads)


def _torch(card: ModelCard, weights: Path, threads: int) -> WindowBackend:
    return TorchWindow(load_published(weights), card.frames, card.joints, threads)


ENGINES: dict[str, Callable[[ModelCard, Path, int], WindowBackend]] = {
    "auto": _onnxruntime, "onnxruntime": _onnxruntime, "torch": _torch,
}  # fmt: skip
