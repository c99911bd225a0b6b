"""The signals that order an end, kept away from the processes that a command starts: it alone decides."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

# Ctrl-C, `kill` and (where there is such a signal) a terminal that is closed.
END_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Around the start of a process: it begins with the signals blocked, until it calls `leave_to_parent`.

    The mask is this thread's alone, and a library's thread may take the signal: Python's handlers wait as well, or the
    start would be torn in two and its process find half of what it is to do.
    """
    if os.name == "nt":
        yield
        return
    from multiprocessing import resource_tracker

    # The first start of a process starts this one too, which unblocks the signals: before the mask is set, then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        with _noted():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    """What would run a Python handler is noted, and raised again at the end. Only the main thread has handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in END_SIGNALS}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(signal.Signals(number))


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Signals that would end the process on the spot raise SystemExit instead, as Ctrl-C raises KeyboardInterrupt:
    what is under way is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    fatal = [number for number in END_SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    for number in fatal:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in fatal:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def ordering(order: Callable[[int], None], hang_up: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `order` with their number, a closed terminal `hang_up`."""
    before = {number: signal.getsignal(number) for number in END_SIGNALS}
    for number, handler in before.items():
        if number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: order(number))
        elif handler != signal.SIG_IGN:  # as `nohup` has it
            # Shell and kernel both tell of a closed terminal: the second time is no second order.
            signal.signal(number, lambda *_: hang_up())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)  # the code that a shell gives a process that a signal ended


def leave_to_parent(numbers: Sequence[signal.Signals] = END_SIGNALS) -> None:
    """The first call of such a process: `numbers`, which may reach the whole group, are ignored from now on."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)


def wake_with_parent() -> None:
    """Where the parent dies while this process is stopped (SIGSTOP), it is woken to find that out. Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
