"""A row of numbers as one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.-=+*%#"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """The last `width` values, a character each, the newest at the right; from 0 to their highest, blank for NaN."""
    shown = list(values)[-width:] if width > 0 else []
    levels = _ASCII if ascii_only else _BLOCKS
    most = max((value for value in shown if math.isfinite(value)), default=0.0)
    return "".join(_level(value, most, levels) for value in shown).rjust(max(width, 0))


def _level(value: float, most: float, levels: str) -> str:
    if not math.isfinite(value):
        return " "
    share = max(0.0, value) / most if most > 0 else 0.0
    return levels[min(int(share * len(levels)), len(levels) - 1)]
