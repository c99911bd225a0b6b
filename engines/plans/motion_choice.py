"""Which stretches of recorded keypoints an int8 model's ranges are measured on: few, and unlike each other.

Ranges are set by extremes, so the stretches that lie furthest apart serve better than evenly spaced ones: someone near
and far, at the border, turned, fast, half hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.view import sequence_features

Array = NDArray[np.float32]

_MIN_SEEN = 0.3  # of a stretch's joints; emptier ones teach nothing


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """`rays` (N, frames, 17, 2), NaN where unseen, `score` (N, frames, 17), `at` (N, 2): recording and first frame."""

    rays: Array
    score: Array
    at: NDArray[np.int64]


def representative_windows(recordings: Sequence[tuple[Array, Array]], count: int, frames: int) -> Windows:
    """`count` windows of `frames` frames from recordings of one person each: rays (T, 17, 2), scores (T, 17), 30 Hz.

    The first is the most usual one; each further one lies furthest from all before it (k-centres), so the first n of
    them are the choice for n. With few frames, windows overlap or repeat. Raises UserError where all are too short.
    """
    starts = np.array([(number, first) for number, (rays, _) in enumerate(recordings)
                       for first in range(0, len(rays) - frames + 1, max(1, frames // 4))], np.int64).reshape(-1, 2)
    if not len(starts):
        raise UserError(f"no recording has the {frames} frames a window holds: record {frames / 30:.0f} s or more")
    descriptions = np.stack([_describe(*_cut(recordings, at, frames)) for at in starts])
    shares = np.array([_seen(*_cut(recordings, at, frames)) for at in starts])
    if shares.max() < _MIN_SEEN:
        raise UserError("hardly any joint is seen in the recordings: record a person who is in the picture")
    starts, descriptions = starts[shares >= _MIN_SEEN], descriptions[shares >= _MIN_SEEN]
    chosen = starts[_k_centres(descriptions, count)]
    cut = [_cut(recordings, at, frames) for at in chosen]
    return Windows(np.stack([rays for rays, _ in cut]), np.stack([score for _, score in cut]), chosen)


def _cut(recordings: Sequence[tuple[Array, Array]], at: NDArray[np.int64], frames: int) -> tuple[Array, Array]:
    rays, score = recordings[int(at[0])]
    return rays[at[1] : at[1] + frames], score[at[1] : at[1] + frames]


def _seen(rays: Array, score: Array) -> float:
    return float((np.isfinite(rays).all(-1) & (score > 0)).mean())


def _describe(rays: Array, score: Array) -> NDArray[np.float64]:
    """Mean, spread and largest change of the model's own input features over the window."""
    features = sequence_features(rays[None], score[None])[0].reshape(len(rays), -1).astype(np.float64)
    change = np.abs(np.diff(features, axis=0)).max(0) if len(features) > 1 else np.zeros(features.shape[1])
    return np.concatenate([features.mean(0), features.std(0), change])


def _k_centres(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices of `count` points, farthest first after the one nearest the middle; repeats once all are taken."""
    spread = points.std(0)
    scaled = (points - points.mean(0)) / np.where(spread > 1e-9, spread, 1.0)
    chosen = [int(np.square(scaled).sum(1).argmin())]
    distance = np.square(scaled - scaled[chosen[0]]).sum(1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.square(scaled - scaled[chosen[-1]]).sum(1))
    return np.resize(np.array(chosen, np.int64), count)
