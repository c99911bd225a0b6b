"""A video that another program writes into this one: ffmpeg ... -f nut - | realtime run --source -"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from engines.errors import UserError

STANDARD_INPUT = "-"
_OPENED = re.compile(r"/proc/\d+/fd/0")
PIPED = "the piped video"  # as it is called


def standard_input() -> str:
    """What is piped in, as this program's other processes open it. Raises UserError where nothing is."""
    if sys.platform != "linux":
        raise UserError("a video can be piped in on Linux only: save it as a file")
    if os.path.realpath("/dev/fd/0") == os.devnull or not (sys.stdin and sys.stdin.fileno() == 0) or os.isatty(0):
        raise UserError("no video is piped in: 'ffmpeg -i walk.mp4 -f nut -c copy - | realtime run --source -'")
    return f"/proc/{os.getpid()}/fd/0"


def is_pipe(source: str) -> bool:
    """Of `standard_input`, where it is no file: it can be read once, from its beginning."""
    return bool(_OPENED.fullmatch(source)) and Path(source).is_fifo()
