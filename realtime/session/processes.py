"""The processes of a session, in one table, and how each of them begins and ends."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, cast

from engines.errors import UserError
from realtime.process.link import Failed, Link, LinkHandler
from realtime.process.signals import leave_to_parent, wake_with_parent
from realtime.process.title import be_called
from realtime.ring.picture_slot import slot_name
from realtime.ring.segment import Segment

EXIT_USER_ERROR = 2
_ORPHAN_GRACE_S = 3.0
_EXIT_ORPHANED = 3
_TRACEBACK = 20_000  # letters of it, the last ones

Main = Callable[[Link, Any], None]  # what it is told: a session's RunConfig


@dataclass(frozen=True, slots=True)
class Process:
    """`main` is "module:function": only the process itself imports it, and with it its heavy libraries."""

    name: str
    main: str
    essential: bool  # the session ends when this one fails for good
    watchdog_s: float  # killed and started again when it has not beaten for as long
    grace_s: float  # to end by itself before it is killed
    setup_s: float = 60.0  # to its first beat, models loaded
    pulse_s: float = 5.0  # without a sign of life while it is set up, before it is killed
    finishes: bool = False  # it has work to bring to an end: its grace begins anew with every beat
    must_start: bool = False  # a mistake of the user's ends the session while nothing has been published yet


PROCESSES: tuple[Process, ...] = (
    Process("producer", "realtime.pipeline.producer_process:main", essential=True, watchdog_s=3.0, grace_s=3.0),
    Process("lifter", "realtime.pipeline.lifter_process:main", essential=True, watchdog_s=3.0, grace_s=3.0),
    # A window may be dragged or a film finished: it beats irregularly, and nobody waits for it.
    Process(
        "viewer", "realtime.view.viewer_process:main", essential=False, watchdog_s=30.0, grace_s=30.0, finishes=True
    ),
)


def enter(process: Process, link: Link, config: object, log_level: int) -> None:
    """The first code of every process: signals, its name, logging, the watch on the supervisor, then its `main`."""
    be_called(process.name)
    leave_to_parent()  # which orders an end over the board
    wake_with_parent()
    link.open()
    root = logging.getLogger("realtime")
    root.setLevel(log_level)
    root.propagate = False
    root.addHandler(LinkHandler(link))
    threading.Thread(target=_end_with_the_supervisor, args=(link,), name="orphan watch", daemon=True).start()
    try:
        module, _, function = process.main.partition(":")
        main = cast(Main, getattr(importlib.import_module(module), function))
        main(link, config)
    except UserError as error:
        link.tell(Failed(str(error), user_error=True))
        sys.exit(EXIT_USER_ERROR)
    except Exception as error:  # noqa: BLE001 the outermost frame: the supervisor starts it again
        root.debug("%s failed", process.name, exc_info=True)
        link.tell(Failed(f"{type(error).__name__}: {error}", False, traceback.format_exc()[-_TRACEBACK:]))
        sys.exit(1)
    finally:
        link.close()


def _end_with_the_supervisor(link: Link) -> None:
    """Whatever kills the supervisor, this process and the shared memory go with it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    link.stop_all()
    # The others do the same; the last mapping that goes takes the memory with it.
    for name in (link.ring_name, slot_name(link.ring_name)):
        Segment.remove(name)
    threading.Event().wait(_ORPHAN_GRACE_S)
    os._exit(_EXIT_ORPHANED)
