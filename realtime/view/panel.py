"""What the stream says of itself, in letters: drawn once when it changes, for the window and for films alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.view.scene.figure import TINTS_RGB
from realtime.wire.messages import PoseMessage

Image = NDArray[np.uint8]
Row = tuple[str, str]  # what, and its value

_PAPER, _INK, _MUTED, _ALARM = (250, 251, 252), (58, 64, 74), (128, 136, 146), (196, 84, 44)  # RGB
_LATENCIES = 90  # poses that the percentiles are of
_EVERY = 6  # poses from one text to the next: figures that flicker cannot be read


class Panel:
    """`update` with each message; `rows` and `image` for what they say."""

    def __init__(self) -> None:
        self._message: PoseMessage | None = None
        self._latency_ms: deque[float] = deque(maxlen=_LATENCIES)
        self._since = 0
        self._sessions = 0
        self._rows: list[Row] = []

    def update(self, message: PoseMessage) -> None:
        if message.new_session:
            self._sessions += 1
            self._latency_ms.clear()
        self._message = message
        self._latency_ms.append((message.t_publish_ns - message.t_capture_ns) / 1e6)

    def rows(self, rate_hz: float, state: str = "") -> list[Row]:
        """What stands in the panel; it changes a few times a second. `state`: what keeps the stream from being live."""
        message = self._message
        if message is None:
            return [("state", state or "waiting for the stream")]
        self._since -= 1
        if self._since < 0 or not self._rows:
            self._since = _EVERY
            p50, p99 = np.percentile(self._latency_ms, (50, 99))
            self._rows = [
                ("rate", f"{rate_hz:.1f} fps" if rate_hz else ""), ("latency", f"{p50:.0f} ms, p99 {p99:.0f}"),
                ("model", f"{message.model} on {message.engine}"),
                ("space", f"world, floor {message.floor}" if message.space == "world" else message.space),
                ("scale", message.scale), ("dropped", str(message.dropped)),
            ]  # fmt: skip
        return [("state", state or self._state(message)), *self._rows]

    def _state(self, message: PoseMessage) -> str:
        if not message.persons:
            return "live, nobody in view"
        if all(person.held for person in message.persons):
            return "held: not seen now"
        people = len(message.persons)
        again = ", reconnected" if self._sessions > 1 else ""
        return ("live" if people == 1 else f"live, {people} people") + again

    def image(self, rate_hz: float, letter_px: int, state: str = "", rows: int = 7) -> Image:
        """A card (height, width, 3), BGR, of the first `rows`."""
        return card(tuple(self.rows(rate_hz, state)[:rows]), letter_px, alarm=bool(state) or self._message is None)


@lru_cache(maxsize=16)
def card(rows: Sequence[Row], letter_px: int, *, alarm: bool = False) -> Image:
    """Rows of what and value in two columns, the first row's value in the colour of alarm; BGR, not to be written to.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    font = _font(letter_px)
    widths = [max(round(font.getlength(text)) for text in column) for column in zip(*rows, strict=True)]
    pad, line = round(0.7 * letter_px), round(1.45 * letter_px)
    size = 3 * pad + sum(widths), 2 * pad + line * len(rows)
    picture = Pillow.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(picture)
    for index, (what, value) in enumerate(rows):
        y = pad + line * index + (line - letter_px) // 2
        ink = _ALARM if alarm and index == 0 else _INK
        draw.text((pad, y), what, font=font, fill=_MUTED)
        draw.text((2 * pad + widths[0], y), value, font=font, fill=ink)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


@lru_cache(maxsize=64)
def name_tag(person: int, slot: int, letter_px: int) -> Image:
    """A person's id on their colour, BGR."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    font, text = _font(letter_px), str(person)
    width, height = round(font.getlength(text)) + letter_px, round(1.5 * letter_px)
    tint = tuple(int(255 * part) for part in TINTS_RGB[slot % len(TINTS_RGB)][1])
    picture = Pillow.new("RGB", (width, height), tint)
    draw = ImageDraw.Draw(picture)
    draw.text((width / 2, height / 2), text, font=font, fill=(255, 255, 255), anchor="mm")
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


@lru_cache(maxsize=8)
def _font(letter_px: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(letter_px)
