"""What a lifter is scored on: sequences of keypoint rays and true poses at 30 Hz, padded to one length.

Axes: S sequences, T frames, J joints (17). Camera axes: x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import JOINTS

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
RATE_HZ = 30.0
LONGEST = 243  # frames: the longest memory of any model here


@dataclass(frozen=True, slots=True, eq=False)
class Sequence2D3D:
    """One person seen by one camera."""

    rays: Float  # (T, J, 2) viewing rays x/z, y/z; NaN where a joint was not seen
    score: Float  # (T, J), 0 to 1
    pose_m: Float  # (T, J, 3) relative to the hip, camera axes
    action: str


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationSet:
    """Sequences of several lengths, each padded with its own last frame; `valid` (S, T) tells frames from padding."""

    name: str
    rays: Float  # (S, T, J, 2)
    score: Float  # (S, T, J)
    pose_m: Float  # (S, T, J, 3)
    valid: Mask  # (S, T)
    actions: tuple[str, ...]
    joints: Mask  # (J,) the joints that the data has and that are scored
    origin: int = 0  # the joint that poses are scored about

    @classmethod
    def of(
        cls, name: str, sequences: Sequence[Sequence2D3D], joints: Mask | None = None, origin: int = 0
    ) -> EvaluationSet:
        """Pad and stack. Raises ValueError where there is no sequence."""
        if not sequences:
            raise ValueError(f"no sequence in the evaluation set {name!r}")
        longest = max(len(item.rays) for item in sequences)
        at = [np.minimum(np.arange(longest), len(item.rays) - 1) for item in sequences]
        return cls(
            name=name,
            rays=np.stack([item.rays[index] for item, index in zip(sequences, at, strict=True)]).astype(np.float32),
            score=np.stack([item.score[index] for item, index in zip(sequences, at, strict=True)]).astype(np.float32),
            pose_m=np.stack([item.pose_m[index] for item, index in zip(sequences, at, strict=True)]).astype(np.float32),
            valid=np.arange(longest) < np.array([len(item.rays) for item in sequences])[:, None],
            actions=tuple(item.action for item in sequences),
            joints=np.ones(JOINTS, bool) if joints is None else joints,
            origin=origin,
        )

    @property
    def frames(self) -> int:
        return int(self.valid.sum())

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.intp], int]]:
        """Rows of about equal length, at most `size`, and the length of the longest: little padding is computed."""
        lengths = self.valid.sum(1)
        order = np.argsort(lengths, kind="stable")
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            yield rows, int(lengths[rows].max())


def pieces(frames: int, longest: int = LONGEST) -> Iterable[slice]:
    """Cut a clip of so many frames into parts of about equal length, none longer than `longest`."""
    count = -(-frames // longest)
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    return (slice(int(low), int(high)) for low, high in pairwise(edges))


def at_rate(values: Float, source_hz: float, rate_hz: float = RATE_HZ) -> Float:
    """Frames (T, ...) at `source_hz` -> frames at `rate_hz`, linearly interpolated; NaN spreads to its neighbours."""
    count = int((len(values) - 1) * rate_hz / source_hz + 1e-6) + 1
    at = np.arange(count) * source_hz / rate_hz
    low = np.minimum(np.floor(at + 1e-6).astype(int), len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    share = np.clip(at - low, 0, 1).astype(np.float32).reshape(-1, *([1] * (values.ndim - 1)))
    blended = values[low] * (1 - share) + values[high] * share
    return np.asarray(np.where(share < 1e-5, values[low], blended), np.float32)
