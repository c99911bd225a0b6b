"""What takes pictures from where they come, as sources use it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) BGR


class Capture(Protocol):
    """Pictures one after the other. Used by one thread."""

    damaged: int  # pictures so far that came and could not be decoded

    @property
    def fps(self) -> float: ...  # nominal; 0 where it is not said

    def grab(self) -> bool:
        """Takes the next picture, not converted yet. False where none comes any more."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        """The picture grabbed; None where there is none. `into`: where to, if it must be copied and is of that size."""

    def release(self) -> None: ...
