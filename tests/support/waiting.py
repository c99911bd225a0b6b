"""Waiting for what other threads and processes do, with an end to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from realtime.clock import monotonic_ns

WAIT_S = 30.0


def until(
    done: Callable[[], bool], work: Callable[[], object] = lambda: None, wait_s: float = WAIT_S
) -> None:  # fmt: skip
    """Repeats `work` every few ms until `done`; fails after `wait_s`."""
    pause, end_ns = threading.Event(), monotonic_ns() + int(wait_s * 1e9)
    while not done():
        assert monotonic_ns() < end_ns, "it did not happen in time"
        work()
        pause.wait(0.005)
