"""Motion capture as bone directions: one bank of frames that training draws sequences from.

Axes: B batch, S frames of a sequence, 16 bones (bone b ends in joint b + 1). World: y up, metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import JOINTS, PARENTS

Float = NDArray[np.floating[Any]]
Bodies = tuple[Float, Float, Float]  # directions (B, S, 16, 3), root (B, S, 3), lengths (B, 16)
BONES = JOINTS - 1
MAX_SPEED_M_S = 15.0  # a joint faster than this is a capture flip

# bones above joint j: positions = CHAIN @ bone vectors
CHAIN: Float = np.zeros((JOINTS, BONES), np.float32)
for _joint in range(1, JOINTS):
    _up = _joint
    while _up > 0:
        CHAIN[_joint, _up - 1] = 1
        _up = PARENTS[_up]


@dataclass(frozen=True)
class Bank:
    """Frames of many clips end to end, at `rate_hz`."""

    directions: Float  # (N, 16, 3) unit vectors
    root: Float  # (N, 3) metres
    lengths: Float  # (clips, 16) metres
    start: NDArray[np.int64]  # (clips,) first frame
    frames: NDArray[np.int64]  # (clips,)
    rate_hz: float

    @classmethod
    def of(cls, clips: Mapping[str, Float], rate_hz: float) -> Bank:
        pieces = [piece for name in sorted(clips) for piece in _sound(clips[name], rate_hz)]
        if not pieces:
            raise UserError("the training data holds no usable clip: check the file and the subjects named")
        vectors = [piece[:, 1:] - piece[:, PARENTS[1:]] for piece in pieces]
        norms = [np.linalg.norm(vector, axis=-1) for vector in vectors]
        frames = np.array([len(piece) for piece in pieces])
        return cls(
            directions=np.concatenate([_unit(vector) for vector in vectors]),
            root=np.concatenate([piece[:, 0] for piece in pieces]),
            lengths=np.stack([np.median(norm, axis=0) for norm in norms]).astype(np.float32),
            start=np.concatenate(([0], np.cumsum(frames)[:-1])),
            frames=frames,
            rate_hz=rate_hz,
        )

    def draw(self, rng: np.random.Generator, batch: int, length: int, rate_hz: float = 30.0) -> Bodies:
        """Random sequences, time warped by 0.7 to 1.4 and now and then backwards.

        Returns directions (B, S, 16, 3), root (B, S, 3) and lengths (B, 16).
        """
        clip = rng.choice(len(self.frames), batch, p=self.frames / self.frames.sum())
        stride = self.rate_hz / rate_hz * rng.uniform(0.7, 1.4, batch)
        stride = np.minimum(stride, (self.frames[clip] - 1) / max(length - 1, 1))
        first = rng.uniform(0, np.maximum(self.frames[clip] - 1 - stride * (length - 1), 0) + 1e-3)
        at = first[:, None] + stride[:, None] * np.arange(length)
        at = np.where(rng.random((batch, 1)) < 0.15, at[:, ::-1], at)
        at = np.clip(at, 0, (self.frames[clip] - 1)[:, None])
        low = np.floor(at).astype(np.int64)
        share = (at - low).astype(np.float32)
        index = self.start[clip][:, None] + low
        above = self.start[clip][:, None] + np.minimum(low + 1, (self.frames[clip] - 1)[:, None])
        directions = _unit(_blend(self.directions[index], self.directions[above], share[..., None, None]))
        return directions, _blend(self.root[index], self.root[above], share[..., None]), self.lengths[clip]


def joints_from_bones(directions: Float, lengths: Float) -> Float:
    """Directions (..., 16, 3) and lengths (..., 16) -> joints (..., 17, 3) with the hip at the origin."""
    return CHAIN @ (directions * lengths[..., None])


def _unit(vectors: Float) -> Float:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _blend(low: Float, high: Float, share: Float) -> Float:
    return low + (high - low) * share


def _sound(clip: Float, rate_hz: float, shortest: int = 40) -> list[Float]:
    """The clip's runs of frames in which no joint moves faster than MAX_SPEED_M_S."""
    clip = np.asarray(clip, np.float32)
    speed = np.linalg.norm(np.diff(clip, axis=0), axis=-1).max(-1) * rate_hz
    cuts = np.flatnonzero(speed > MAX_SPEED_M_S) + 1
    return [run for run in np.split(clip, cuts) if len(run) >= shortest]
