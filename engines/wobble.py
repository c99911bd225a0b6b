"""How much each keypoint wobbles: what tells a model how far to trust one frame against the past.

True motion bends little from one frame to the next, a detector's jitter much: the root mean square of a joint's second
differences over the last third of a second, in the normalised view, sets the two apart. The feature is its logarithm
about a detector's usual one, so that 0 also means that nothing is known yet.

Axes: B streams or sequences, T frames, V joints, F features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.normalise import FEATURES, SEEN, WOBBLE, normalise
from engines.skeleton import JOINTS

USUAL, LEAST = 0.03, 0.003  # root mean square, shares of the person's extent
MOST = 0.5  # one leap, a limb or a person mistaken for another, is not remembered for long
_GAIN = np.float32(0.1)  # of a frame in the running mean square
_SHIFT = np.float32(0.5 * np.log(USUAL**2 + LEAST**2))

Float = NDArray[np.float32]


class Wobble:
    """The running mean squares of live streams."""

    def __init__(self, capacity: int = 0) -> None:
        self._past = np.zeros((2, capacity, JOINTS, SEEN + 1), np.float32)  # the last two frames, older first
        self._square = np.full((capacity, JOINTS), USUAL**2, np.float32)

    def grow(self, capacity: int) -> None:
        more = Wobble(capacity - len(self._square))
        self._past = np.concatenate((self._past, more._past), 1)
        self._square = np.concatenate((self._square, more._square))

    def reset(self, stream: int) -> None:
        """Nothing is known of it: no joint of its past frames counts as seen."""
        self._past[:, stream], self._square[stream] = 0, USUAL**2

    def write(self, streams: Sequence[int], commit: Sequence[bool], features_BVF: Float) -> None:
        """Fill the feature of one frame of each stream. A frame that is not committed changes nothing."""
        kept = np.flatnonzero(commit)
        at = np.asarray(streams)[kept]
        frame = features_BVF[kept, :, : SEEN + 1]
        self._square[at] = _advance(self._square[at], self._past[0, at], self._past[1, at], frame)
        self._past[0, at] = self._past[1, at]
        self._past[1, at] = frame
        features_BVF[:, :, WOBBLE] = _feature(self._square[list(streams)])


def sequence_features(rays_BTV2: Float, score_BTV: Float) -> tuple[Float, Float]:
    """Whole sequences as a stream gives them frame by frame: features (B, T, V, F), rotations (B, T, 3, 3)."""
    batch, frames = score_BTV.shape[:2]
    flat, rotations = normalise(rays_BTV2.reshape(-1, JOINTS, 2), score_BTV.reshape(-1, JOINTS))
    features = flat.reshape(batch, frames, JOINTS, FEATURES)
    square = np.full((batch, JOINTS), USUAL**2, np.float32)
    for frame in range(2, frames):
        older, old, now = (features[:, frame - back, :, : SEEN + 1] for back in (2, 1, 0))
        square = _advance(square, older, old, now)
        features[:, frame, :, WOBBLE] = _feature(square)
    return features, rotations.reshape(batch, frames, 3, 3)


def _advance(square_BV: Float, older: Float, old: Float, now: Float) -> Float:
    """With one frame more; a joint that is unseen in one of the three keeps its value."""
    bend = now[..., :2] - 2 * old[..., :2] + older[..., :2]
    square = np.minimum(np.add.reduce(bend * bend, -1), np.float32(MOST**2))
    seen = now[..., SEEN] * old[..., SEEN] * older[..., SEEN]
    return np.asarray(square_BV + (square - square_BV) * (seen * _GAIN), np.float32)


def _feature(square: Float) -> Float:
    return np.asarray(np.float32(0.5) * np.log(square + np.float32(LEAST**2)) - _SHIFT, np.float32)
