"""A film of the stream: every message one picture, at the source's own tempo."""

from __future__ import annotations

from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from realtime.view.frame_writer import FrameWriter
from realtime.view.picture import Picture, Show, paste
from realtime.view.scene.stage import Stage
from realtime.view.source_picture import SourcePicture
from realtime.wire.messages import PoseMessage

_ANEW_S = 10.0  # a time so far back: the source began anew
_ROUNDED_S = 1e-3  # times of files are rounded


class Film:
    """`add` messages in their order."""

    def __init__(
        self, stage: Stage, writer: FrameWriter, show: Show, source: SourcePicture | None = None,
        fps: float | None = None, turntable_s: float | None = None,
    ) -> None:  # fmt: skip
        """`fps`: at most so many pictures a second of the source's time; `turntable_s`: the view goes round once in it.
        """
        self.picture = Picture(stage, source, show)
        self._stage, self._writer = stage, writer
        self._fps, self._turntable_s = fps, turntable_s
        self._start_s: float | None = None
        self._due_s = -float("inf")
        self.drawing_ns = 0

    @property
    def frames(self) -> int:
        """Drawn so far."""
        return self._writer.frames

    @property
    def draw_ms(self) -> float:
        """Mean time to draw one."""
        return self.drawing_ns / NS_PER_MS / max(1, self.frames)

    def add(self, message: PoseMessage, rate_hz: float, state: str = "") -> None:
        """`state`: what stands first in the panel instead of the stream's own. Raises UserError for a full disk."""
        began_ns, now_s = monotonic_ns(), time_s(message)
        if self._start_s is None:
            self._start_s = now_s
        self.picture.update(message)
        if self._fps is not None:
            if self._due_s - _ANEW_S < now_s < self._due_s - _ROUNDED_S:
                return
            self._due_s = now_s + 1 / self._fps if now_s - self._due_s > 1 / self._fps else self._due_s + 1 / self._fps
        if self._turntable_s:
            self._stage.eye.turn_to(360 * (now_s - self._start_s) / self._turntable_s)
        arrangement = self.picture.draw()
        image = self._stage.image()
        paste(image, self.picture.cards(arrangement, rate_hz, state))
        self._writer.write(image, now_s)
        self.drawing_ns += monotonic_ns() - began_ns


def time_s(message: PoseMessage) -> float:
    """On the source's own timeline; the camera's clock where the publisher does not say."""
    return (message.t_capture_ns if message.source_ns is None else message.source_ns) / NS_PER_S
