"""How the pictures come: fresh, the same one again, too few, or none at all."""

from __future__ import annotations

import zlib
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.metrics import Rate
from realtime.process.states import DEGRADED, FROZEN, RECONNECTING, RUNNING, STALLED

ROW_STEP, COLUMN_STEP = 8, 4  # of the grid that is looked at: a camera's noise shows anywhere
SILENT_S = 1.0  # without a picture
FROZEN_S = 1.0  # with one picture
_SLOW_S = 2.0  # at under half of the source's own rate
_FEW = 0.5


class HearsOfWork(Protocol):
    """Who is told how the source is."""

    def work(self, state: str, event: str = "") -> None: ...


class SourceWatch:
    """Looks at each picture and tells the stream's status how the source is. For the process that reads it."""

    def __init__(self, link: HearsOfWork) -> None:
        self._link = link
        self._digest: int | None = None
        self._fresh_ns = self._came_ns = monotonic_ns()  # the newest picture of new content, and of any
        self._rate, self._good_ns = Rate(), monotonic_ns()
        self._told = (RUNNING, "")

    def repeated(self, image_bgr: NDArray[np.uint8], nominal_fps: float) -> bool:
        """Whether this picture is the one before once more, by its content. To be called with every picture."""
        now_ns = monotonic_ns()
        digest = zlib.crc32(_grid(image_bgr).data, zlib.crc32(repr(image_bgr.shape).encode()))
        same, self._digest, self._came_ns = digest == self._digest, digest, now_ns
        if same:
            if now_ns - self._fresh_ns > FROZEN_S * NS_PER_S:
                self._tell(FROZEN, "the source gives the same picture again and again")
            return True
        if now_ns - self._fresh_ns > SILENT_S * NS_PER_S:  # after a break its rate is anybody's guess
            self._rate, self._good_ns = Rate(), now_ns
        self._fresh_ns = now_ns
        self._rate.tick(now_ns)
        fps = self._rate.recent(now_ns)
        if fps >= _FEW * nominal_fps or self._rate.count < 2:
            self._good_ns = now_ns
        if now_ns - self._good_ns > _SLOW_S * NS_PER_S:
            self._tell(DEGRADED, f"{fps:.3g} of {nominal_fps:.3g} pictures a second", f"{nominal_fps:.3g}")
        else:
            self._tell(RUNNING, "pictures come again" if self._told[0] != RUNNING else "")
        return False

    def silent(self, away: str, reconnecting: bool) -> None:
        """No picture came in a while; `away`: the source is gone, and why."""
        if away or reconnecting:
            self._tell(RECONNECTING, away or "the source gives no pictures and is connected again")
        elif monotonic_ns() - self._came_ns > SILENT_S * NS_PER_S:
            self._tell(STALLED, "the source gives no pictures")

    def _tell(self, state: str, event: str, key: str = "") -> None:
        """`key`: what makes the event another one, where its text changes all the time."""
        if (state, key or event) != self._told and (state != RUNNING or self._told[0] != RUNNING):
            self._told = state, key or event
            self._link.work(state, event)


def _grid(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """About every so many rows and columns of a picture (H, W, 3): in one call, a quarter of the time of slicing."""
    height, width = image_bgr.shape[:2]
    grid_wh = -(-width // COLUMN_STEP), -(-height // ROW_STEP)
    return np.asarray(cv2.resize(image_bgr, grid_wh, interpolation=cv2.INTER_NEAREST), np.uint8)
