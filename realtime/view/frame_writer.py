"""What takes pictures with their times, whatever it makes of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError

Image = NDArray[np.uint8]
UNDONE = (UserError, KeyboardInterrupt)  # it cannot be finished, or is not to be: nothing is left of it


class FrameWriter(Protocol):
    """Takes pictures with the source's times, in order. Leaving the context finishes the file, whatever ended it but
    what is UNDONE."""

    frames: int  # pictures taken

    def __enter__(self) -> FrameWriter: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write(self, image_bgr: Image, time_s: float) -> None: ...


def check_writable(folder: Path) -> None:
    """Raises OSError."""
    tempfile.TemporaryFile(dir=folder).close()
