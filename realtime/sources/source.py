"""What every source of pictures offers."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from realtime.contracts import Stamp


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. The source owns the pixels: valid until the next `read`, those of a file for as long as held."""

    stamp: Stamp
    image_bgr: NDArray[np.uint8]  # (H, W, 3)


@runtime_checkable
class Source(Protocol):
    """Where frames come from. A context manager; used by one thread, but `close` may come from any."""

    name: str
    image_wh: tuple[int, int]  # of the first picture; a stream may change its size
    fps: float  # nominal; 0 where the source does not say
    live: bool  # a camera or stream: latest wins
    dropped: int  # frames lost or skipped so far

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """The next frame, or None at the end.

        Raises TimeoutError where none came within `timeout_s` (None: wait as long as it takes), UserError where the
        source is gone for good.
        """

    def close(self) -> None: ...

    def release(self) -> None: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What a camera is asked for (None: its default), how a file is read, and whether pictures are mirrored."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    mirror: bool = False  # left to right
    start_s: float = 0.0  # where in a file to begin
    file_fps: float | None = None  # pictures that were taken a second, where the file says otherwise: slow motion
