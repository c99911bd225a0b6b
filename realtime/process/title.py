"""What a process is called in `ps`, `top` and for those who look for it among its supervisor's children."""

from __future__ import annotations

import contextlib
from pathlib import Path

_OWN = Path("/proc/self/comm")  # Linux; elsewhere a process keeps the interpreter's name


def be_called(name: str) -> None:
    """`name`: at most 15 characters."""
    with contextlib.suppress(OSError):
        _OWN.write_text(name)
