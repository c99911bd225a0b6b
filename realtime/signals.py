"""The signals that order an end, kept away from the processes that a command starts: it alone decides."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence

# Ctrl-C, `kill` and (where there is such a signal) a terminal that is closed.
END_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Around the start of a process: it begins with the signals blocked, until it calls `leave_to_parent`."""
    if os.name == "nt":
        yield
        return
    from multiprocessing import resource_tracker

    # The first start of a process starts this one too, which unblocks the signals: before the mask is set, then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_to_parent(numbers: Sequence[signal.Signals] = END_SIGNALS) -> None:
    """The first call of such a process: `numbers`, which may reach the whole group, are ignored from now on."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
