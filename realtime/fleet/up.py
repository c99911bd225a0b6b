"""`realtime fleet up`: the fleet, until Ctrl-C or `realtime fleet down`."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any

from rich.console import Console

from engines.errors import UserError
from realtime.fleet.control import Control, Order
from realtime.fleet.fleet import EndedError, Fleet
from realtime.fleet.options import FleetOptions
from realtime.fleet.ray_cluster import require_ray

log = logging.getLogger("realtime.fleet")


def up(options: FleetOptions, stop: threading.Event) -> None:
    """Raises UserError where something of it cannot start."""
    require_ray()
    ready: list[Fleet] = []
    with (
        contextlib.suppress(EndedError),
        Control(options.name, lambda order: _obey(ready, order)), _started(options, stop) as fleet,
    ):  # fmt: skip
        ready.append(fleet)
        figures = f", figures at {fleet.door['metrics']}" if fleet.door["metrics"] else ""
        log.info("%d workers: producers at %s, poses at %s%s; Ctrl-C ends them", options.workers,
                 fleet.door["intake"], fleet.door["address"], figures)  # fmt: skip
        fleet.run()
        ready.clear()
        log.info("the fleet ends")


def _started(options: FleetOptions, stop: threading.Event) -> Fleet:
    """What goes on meanwhile, about ten seconds, is shown: on a terminal in one line, elsewhere in a few."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return Fleet(options, stop, log.info)
    with console.status("") as spinner:
        return Fleet(options, stop, spinner.update)


def _obey(ready: list[Fleet], order: Order) -> Any:
    if not ready:
        raise UserError("the fleet is starting or ending: try again in a moment")
    fleet = ready[0]
    if order.what == "status":
        return fleet.told()
    if order.what == "add":
        return fleet.add(order.count)
    if order.what == "remove":
        return fleet.remove(order.worker)
    if order.what == "upgrade":
        return fleet.upgrade()
    raise UserError(f"the fleet does not know the order '{order.what}': it is of another version")
