"""How much a person's keypoints wobble: how far a model is to trust the past against the frame.

True motion bends little from one frame to the next, a detector's jitter much: the root mean square of each joint's
second differences over the last third of a second, in the normalised view, sets the two apart. The feature is 0 for
true motion and 1 for a usual detector's jitter, from the geometric mean over the joints, the resting hip among them.

Axes: B sequences, T frames, V joints, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.models.normalise import FEATURES, SEEN, WOBBLE, normalise
from engines.models.skeleton import JOINTS

USUAL, LEAST = 0.03, 0.003  # root mean square, shares of the person's extent; where a stream begins, and the floor
MOST = 0.15  # one leap, a limb or a person mistaken for another, is not remembered for long
HALF, STEEPNESS = 0.02, 4.0  # 0.5 at this mean, and how steep
GAIN = 0.1  # of a frame in the running mean square

Float = NDArray[np.float32]


class Wobble:
    """Of one live stream."""

    def __init__(self) -> None:
        self._older: Sequence[Sequence[float]] | None = None
        self._old: Sequence[Sequence[float]] | None = None
        self._square = [USUAL**2] * JOINTS
        self.value = _value(self._square)

    def push(self, frame_VF: Float) -> None:
        """Take in the features of the stream's next frame: `value` is then what it is given.

        In plain numbers, as NumPy's calls take longer on so few (see normalise.py). Where a joint comes or goes all
        others move in the normalised view: such a frame says nothing.
        """
        now, old, older = frame_VF.tolist(), self._old, self._older
        self._older, self._old = old, now
        if old is None or older is None or any(a[SEEN] != b[SEEN] or b[SEEN] != c[SEEN]
                                               for a, b, c in zip(now, old, older, strict=True)):  # fmt: skip
            return
        for joint, (a, b, c) in enumerate(zip(now, old, older, strict=True)):
            if a[SEEN]:
                x, y = a[0] - 2 * b[0] + c[0], a[1] - 2 * b[1] + c[1]
                self._square[joint] += GAIN * (min(x * x + y * y, MOST**2) - self._square[joint])
        self.value = _value(self._square)


def sequence_features(rays_BTV2: Float, score_BTV: Float) -> tuple[Float, Float]:
    """Whole sequences as a stream is given them frame by frame: features (B, T, V, F), rotations (B, T, 3, 3)."""
    batch, frames = score_BTV.shape[:2]
    flat, rotations = normalise(rays_BTV2.reshape(-1, JOINTS, 2), score_BTV.reshape(-1, JOINTS))
    features = flat.reshape(batch, frames, JOINTS, FEATURES)
    x, seen = features[..., :2], features[..., SEEN]
    bend = x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2]
    bent = np.minimum(np.add.reduce(bend * bend, -1), np.float32(MOST**2))
    alike = (seen[:, 2:] == seen[:, 1:-1]) & (seen[:, 1:-1] == seen[:, :-2])
    gain = seen[:, 2:] * alike.all(-1, keepdims=True) * np.float32(GAIN)
    square = np.full((frames, batch, JOINTS), USUAL**2, np.float32)
    for frame in range(2, frames):
        before = square[frame - 1]
        square[frame] = before + (bent[:, frame - 2] - before) * gain[:, frame - 2]
    level = (np.log(square + np.float32(LEAST**2)) / 2).mean(-1) - np.float32(math.log(HALF))
    features[..., WOBBLE] = (1 / (1 + np.exp(-STEEPNESS * level))).T[..., None]
    return features, rotations.reshape(batch, frames, 3, 3)


def _value(squares: Sequence[float]) -> float:
    """As in `sequence_features`, of one frame."""
    level = sum(math.log(square + LEAST**2) for square in squares) / (2 * len(squares)) - math.log(HALF)
    return 1 / (1 + math.exp(-STEEPNESS * level))
