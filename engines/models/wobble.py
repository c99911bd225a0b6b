"""How much a person's keypoints wobble: how far a model is to trust the past against the frame.

True motion bends little from one frame to the next, a detector's jitter much: the root mean square of each joint's
second differences over the last third of a second, in the normalised view, sets the two apart. The feature is 0 for
true motion and 1 for a usual detector's jitter, from the geometric mean over the joints, the resting hip among them.
"""

from __future__ import annotations

import math
from typing import Final

from engines.models.normalise import SEEN, Row
from engines.models.skeleton import JOINTS

USUAL: Final = 0.03  # root mean square, shares of the person's extent; where a stream begins, and the floor
LEAST: Final = 0.003
MOST: Final = 0.15  # one leap, a limb or a person mistaken for another, is not remembered for long
HALF: Final = 0.02  # 0.5 at this mean, and how steep
STEEPNESS: Final = 4.0
GAIN: Final = 0.1  # of a frame in the running mean square


class Wobble:
    """Of one live stream."""

    def __init__(self) -> None:
        self._older: list[Row] | None = None
        self._old: list[Row] | None = None
        self._square = [USUAL**2] * JOINTS
        self.value = _value(self._square)

    def push(self, now: list[Row]) -> None:
        """Take in the features (17, F) of the stream's next frame: `value` is then what it is given.

        A joint speaks where it was seen in all of the last three frames, and where the hip, which the view is turned
        to, did not come or go.
        """
        old, older = self._old, self._older
        self._older, self._old = old, now
        if old is None or older is None or not now[0][SEEN] == old[0][SEEN] == older[0][SEEN]:
            return
        for joint, (a, b, c) in enumerate(zip(now, old, older)):
            if a[SEEN] and b[SEEN] and c[SEEN]:
                x, y = a[0] - 2 * b[0] + c[0], a[1] - 2 * b[1] + c[1]
                self._square[joint] += GAIN * (min(x * x + y * y, MOST**2) - self._square[joint])
        self.value = _value(self._square)


def _value(squares: list[float]) -> float:
    level = sum(math.log(square + LEAST**2) for square in squares) / (2 * len(squares)) - math.log(HALF)
    return 1 / (1 + math.exp(-STEEPNESS * level))
