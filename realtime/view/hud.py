"""One line about the stream: drawn into rendered pictures, and the window's title."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.wire.messages import PoseMessage

_TEXT_BGR, _MUTED_BGR = (88, 78, 70), (140, 132, 124)
_SMOOTH = 0.1  # share of a new latency in the shown one


class Hud:
    """`update` with each message, then `text` or `draw`."""

    def __init__(self) -> None:
        self._message: PoseMessage | None = None
        self._latency_ms = float("nan")

    def update(self, message: PoseMessage) -> None:
        latency_ms = (message.t_publish_ns - message.t_capture_ns) / 1e6
        known = self._latency_ms == self._latency_ms
        self._latency_ms += (latency_ms - self._latency_ms) * _SMOOTH if known else 0
        self._latency_ms = self._latency_ms if known else latency_ms
        self._message = message

    def text(self, rate_hz: float) -> str:
        """The publisher's rate, its latency from capture to publish, and what the numbers mean."""
        message = self._message
        if message is None:
            return "waiting for the stream"
        people = f"{len(message.persons)} people" if len(message.persons) > 1 else ""
        if not message.persons:
            people = "nobody in view"
        elif all(person.held for person in message.persons):
            people = "held: not seen now"
        parts = (f"{rate_hz:.1f} fps", f"{self._latency_ms:.0f} ms", message.model, message.engine,
                 f"{message.space} space", f"{message.scale} scale", people)  # fmt: skip
        return "  |  ".join(part for part in parts if part)

    def draw(self, image_bgr: NDArray[np.uint8], rate_hz: float) -> None:
        """Writes the line into the lower left corner, in place."""
        height, width = image_bgr.shape[:2]
        size = max(0.32, min(0.45, width / 2200))
        muted = self._message is None or not self._message.persons
        cv2.putText(image_bgr, self.text(rate_hz), (int(36 * size), height - int(36 * size)), cv2.FONT_HERSHEY_SIMPLEX,
                    size, _MUTED_BGR if muted else _TEXT_BGR, 1, cv2.LINE_AA)  # fmt: skip
