"""Where a film cuts to another scene: what was seen before tells nothing of what comes."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

_THUMB_WH = (48, 27)
_PICKED = 4  # each way
_UNLIKE = 0.35  # 1 - correlation: so little is alike across a cut
_OUTLIER = 4.0  # times the largest of the last changes: a camera that is swung about changes much all the time
_RECENT = 8
_FLAT = 4.0  # grey levels: in a picture with less contrast nothing can be told, as in a fade


class CutFinder:
    """Shown one picture after the other, compares each with the one before, whatever their brightness."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None  # the last picture in which there was anything
        self._shape: tuple[int, ...] = ()
        self._changes: deque[float] = deque(maxlen=_RECENT)

    def is_cut(self, image_bgr: NDArray[np.uint8]) -> bool:
        """Whether another scene begins with this picture (H, W, 3); one of another size does."""
        resized = self._shape not in ((), image_bgr.shape)
        self._shape = image_bgr.shape
        thumb = _thumb(image_bgr)
        if thumb is None:
            return resized
        before, self._before = self._before, thumb
        if before is None:
            return resized
        change = 1 - float((before * thumb).mean())
        cut = change > max(_UNLIKE, _OUTLIER * max(self._changes, default=0.0))
        if cut or resized:
            self._changes.clear()
        else:
            self._changes.append(change)
        return cut or resized


def _thumb(image_bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Small, grey, of mean 0 and deviation 1; None where it is all one grey."""
    # A few pixels of each of its parts are enough, and picked in one call: the picture itself is large.
    sparse = cv2.resize(image_bgr, (_PICKED * _THUMB_WH[0], _PICKED * _THUMB_WH[1]), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(sparse, _THUMB_WH, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    deviation = float(grey.std())
    return None if deviation < _FLAT else np.asarray((grey - grey.mean()) / deviation, np.float32)
