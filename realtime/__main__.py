"""`realtime` and `python -m realtime`: Ctrl-C is in hand before anything is imported, and until nothing is left to do.

A KeyboardInterrupt in the middle of an import, or in the interpreter's last steps, would end in a traceback.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the built-in part of `signal`, which would import others first
import os
import sys
import time

INTERRUPTED = 130  # the code that a shell gives a program that Ctrl-C ended
GRACE_S = 5.0  # after the first Ctrl-C: so long others change nothing, then one ends it on the spot

_first_ns = 0


def main() -> None:
    ours = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler  # else, as under nohup, it is ignored
    if ours:
        _signal.signal(_signal.SIGINT, _leave)
    from realtime import cli

    try:
        if ours:
            _signal.signal(_signal.SIGINT, _interrupt)
        cli.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if ours:
            _signal.signal(_signal.SIGINT, _signal.SIG_IGN)


def _leave(*_: object) -> None:
    """Nothing has been begun that would have to be brought to an end."""
    os._exit(INTERRUPTED)


def _interrupt(*_: object) -> None:
    """The first one unwinds what is under way. Those that follow would only tear that in two."""
    global _first_ns
    now_ns = time.monotonic_ns()
    if not _first_ns:
        _first_ns = now_ns
        raise KeyboardInterrupt
    if now_ns - _first_ns > GRACE_S * 1e9:
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
