"""The streaming model behind the lifters' interface: one frame at a time, each stream's past kept as activations."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import numpy as np

from engines.backends.base import Float, KeepsTaps, RunsChunks, StepBackend, StepBuffers, Taps
from engines.errors import UserError
from engines.lifting.poses import RATE_HZ, Commit, LiftedPoses, believable
from engines.lifting.slots import Slots
from engines.lifting.taps import TapMemory
from engines.lifting.turns import Turns
from engines.models.card import ModelCard
from engines.models.known import Known
from engines.models.normalise import to_camera
from engines.models.view import View


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
        self._looks: dict[int, View] = {}
        self._known: dict[int, Known] = {}
        self._features = card.features
        self._seen = self._slots.seen
        self._views = np.zeros((0, lookahead + 1, 3, 3), np.float32)  # each stream's last rotations, as a ring
        self._out: dict[int, LiftedPoses] = {}
        self._owed: tuple[int, int] | None = None  # the stream and the frames of a chunk that is yet to be remembered

    def __enter__(self) -> StreamLifter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._backend.close()

    @property
    def answers_newest(self) -> bool:
        """A chunk's newest pose comes before the rest of its work is done."""
        return not self.lag_frames and isinstance(self._backend, RunsChunks) and self._backend.answers_newest

    @property
    def state_bytes_per_stream(self) -> int:
        return self._memory.bytes_per_stream

    def open(self) -> int:
        slot = self._slots.take()
        self._known.pop(slot, None)
        if slot >= len(self._views):
            capacity = max(1, 2 * len(self._views))
            self._memory.grow(capacity)
            more = np.zeros((capacity - len(self._views), *self._views.shape[1:]), np.float32)
            self._views = np.concatenate((self._views, more))
        return slot

    def close(self, stream: int) -> None:
        self.finish()
        self._slots.free(stream)

    def reset(self, stream: int) -> None:
        self.finish()
        self._slots.reset(stream)

    def push(self, streams: Sequence[int], rays: Float, score: Float, commit: Commit = None) -> LiftedPoses:
        """Lift one frame of each stream. A stream's first frame primes it: as if that frame had always been there.

        `commit` False steps without storing: a frame between two ticks of the model's clock.
        """
        self.finish()
        self._slots.check(streams)
        score = believable(score)
        kept = [True] * len(streams) if commit is None else commit
        return self._turns.push(self._push, self._output, streams, rays, score, kept)

    def _push(self, streams: Sequence[int], rays: Float, score: Float, kept: Sequence[bool]) -> LiftedPoses:
        batch = len(streams)
        buffers = self._backend.buffers(batch)
        fresh = [row for row, stream in enumerate(streams) if stream not in self._seen]
        for row in fresh:
            self._begin(streams[row])
        rotations = self._look(streams, rays, score, kept, buffers.features)
        if fresh:
            self._prime(streams, fresh, buffers.features[fresh], rotations)
        self._memory.gather(streams, buffers.taps)
        self._backend.run(batch)
        self._memory.store(streams, kept, buffers.activations)
        return self._answer(*self._of_head(buffers), streams, kept, rotations)

    def push_chunk(self, stream: int, rays: Float, score: Float, newest: bool = False) -> LiftedPoses:
        """Lift a stream's next frames in one call: rays (n, 17, 2), scores (n, 17), n up to `chunk_frames`.

        A row a frame; the same poses as a push of each, all committed. `newest`: the last row alone, sooner; what is
        left to do of the others is done by `finish`, or by the next call.
        """
        self.finish()
        self._slots.check([stream])
        score = believable(score)
        frames = len(rays)
        if not 1 <= frames <= self.chunk_frames:
            raise ValueError(f"a chunk has 1 to {self.chunk_frames} frames here, got {frames}")
        assert isinstance(self._backend, RunsChunks)
        assert isinstance(self._memory, TapMemory)
        buffers = self._backend.chunk_buffers(frames)
        if fresh := stream not in self._seen:
            self._begin(stream)
        rotations = self._look([stream] * frames, rays, score, [True] * frames, buffers.features)
        if fresh:
            self._prime([stream], [0], buffers.features[:1], rotations)
        self._memory.gather_chunk(stream, frames, buffers.taps)
        self._owed = (stream, frames)
        if newest and self.answers_newest:
            pose, sigma = self._backend.run_newest(frames)
            self._seen[stream] += frames - 1
            return self._answer(pose, sigma, [stream], [True], rotations[-1:])
        self.finish()
        poses = self._answer(*self._of_head(buffers), [stream] * frames, [True] * frames, rotations)
        return poses.row(-1) if newest else poses

    def tell(self, stream: int, known: Known) -> None:
        """What is known of the stream's person from the next frame on."""
        self._known[stream] = known
        if stream in self._seen:
            self._looks[stream].known = known

    def _begin(self, stream: int) -> None:
        self._looks[stream] = View(self._features)
        self._looks[stream].known = self._known.get(stream)

    def finish(self) -> None:
        """Do now what the last call left to be done."""
        if self._owed is not None:
            (stream, frames), self._owed = self._owed, None
            assert isinstance(self._backend, RunsChunks)
            assert isinstance(self._memory, TapMemory)
            self._backend.run_chunk(frames)
            self._memory.store_chunk(stream, self._backend.chunk_buffers(frames).activations)

    def remember(self, stream: int, rays: Float, score: Float) -> None:
        """One frame, rays (17, 2) and scores (17,), of which no pose is wanted."""
        self.push([stream], rays[None], score[None])

    def _look(
        self, streams: Sequence[int], rays: Float, score: Float, kept: Sequence[bool], features: Float
    ) -> Float:
        """Fills in the features of a frame of each stream; gives the rotations (B, 3, 3)."""
        rotations = np.empty((len(streams), 3, 3), np.float32)
        for row, frame in enumerate(zip(streams, rays.tolist(), score.tolist(), kept, strict=True)):
            stream, frame_rays, frame_score, keep = frame
            features[row], rotations[row] = self._looks[stream].push(frame_rays, frame_score, keep)
        return rotations

    def _of_head(self, buffers: StepBuffers) -> tuple[Float, Float]:
        """Poses (B, V, 3) and sigmas (B, V) of the look-ahead in use."""
        return buffers.pose[:, self._head], buffers.sigma[:, self._head]

    def _answer(
        self, pose: Float, sigma: Float, streams: Sequence[int], kept: Sequence[bool], rotations: Float
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
        out.joints_m[:] = to_camera(pose, views)
        out.sigma_m[:] = sigma
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
