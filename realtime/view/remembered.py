"""The window as it was left: its size, and where the people were looked at from."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.errors import UserError
from engines.folders import config_dir
from engines.read_bounded import read_bounded
from engines.write_aside import write_aside

_SIZES = (64, 8192)  # px
_ZOOMS = (0.1, 10.0)

log = logging.getLogger("realtime.view")


@dataclass(frozen=True, slots=True)
class WindowView:
    """Raises ValueError for what no window can have been."""

    width: int
    height: int
    azimuth_deg: float
    elevation_deg: float
    zoom: float  # the user's own: 1 where the people fill the picture

    def __post_init__(self) -> None:
        whole = type(self.width) is int and type(self.height) is int
        numbers = all(type(one) in (int, float) for one in (self.azimuth_deg, self.elevation_deg, self.zoom))
        if not whole or not numbers or not all(_SIZES[0] <= side <= _SIZES[1] for side in (self.width, self.height)):
            raise ValueError("no size of a window")
        if not math.isfinite(self.azimuth_deg) or not abs(self.elevation_deg) <= 90:
            raise ValueError("no direction")
        if not _ZOOMS[0] <= self.zoom <= _ZOOMS[1]:
            raise ValueError("no zoom")


def window_file() -> Path:
    """Among the user's settings."""
    return config_dir() / "window.json"


def recall(path: Path) -> WindowView | None:
    """None where there is none; a file that is none of ours is said and left out."""
    try:
        return WindowView(**json.loads(read_bounded(path)))
    except FileNotFoundError:
        return None
    except (OSError, UserError, ValueError, TypeError, RecursionError) as error:
        log.warning("%s does not say how the window was (%s): it opens as new, and is written anew when it closes",
                    path, error)  # fmt: skip
        return None


def remember(path: Path, view: WindowView) -> None:
    """Where it cannot be written that is said, and nothing else happens."""
    try:
        write_aside(path, lambda aside: aside.write_text(json.dumps(asdict(view)), encoding="utf-8"))
    except UserError as error:
        log.warning("the window's size and view are not kept: %s", error)
