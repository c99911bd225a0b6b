"""A part of a benchmark in a process of its own, as the pipeline's parts are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from realtime.process.signals import held_back


def start(target: Callable[..., None], *args: object) -> tuple[Connection[Any, Any], BaseProcess]:
    """Runs `target(pipe, *args)`; gives the pipe's other end, at its end once the process has ended."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=target, args=(theirs, *args), daemon=True)
    with held_back():
        process.start()
    theirs.close()
    return ours, process
