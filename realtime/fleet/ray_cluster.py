"""Ray, started here or joined where it runs. Needs the extra [fleet]."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from engines.errors import UserError

_CONNECT_S = 5.0
_STORE_BYTES = 80 * 2**20  # Ray's least: nothing of ours is put there


def require_ray() -> None:
    """Raises UserError where the library is missing."""
    if importlib.util.find_spec("ray") is None:
        raise UserError("'realtime fleet' needs another library: run pip install 'realtime-pose[fleet]'")


class Cluster(NamedTuple):
    ray: Any  # the module, connected
    logs: Path  # of Ray and of all actors, on this machine


@contextlib.contextmanager
def ray_cluster(address: str | None) -> Iterator[Cluster]:
    """`address`: of a cluster that runs; None: one is started here, and ended with the context.

    Raises UserError where it cannot be reached or started.
    """
    require_ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a fleet tells nobody of itself
    logging.getLogger("ray").setLevel(logging.ERROR)
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": True}
    try:
        if address is None:
            # Alone, whatever else runs here: RAY_ADDRESS would lead elsewhere.
            begun: Any = ray.init(address="local", include_dashboard=False, object_store_memory=_STORE_BYTES, **quiet)
        else:
            begun = ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError, OSError, TimeoutError) as error:
        first = str(error).strip().partition("\n")[0][:160]
        if address is None:
            raise UserError(f"Ray does not start here ({first}): see the logs in /tmp/ray") from error
        raise _no_cluster(address, first) from error
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():  # Ray has put its own there, which end the process on the spot
            signal.signal(number, handler)
    # Ray prints remarks on who has died, and does not let itself be told where.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            yield Cluster(ray, Path(begun.address_info["session_dir"]) / "logs")
        finally:
            ray.shutdown()


def require_answer(address: str) -> None:
    """Ray itself would try for minutes, and say how on every line. Raises UserError where nobody answers."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"--ray-address '{address}' is no place of a cluster: write HOST:PORT, such as 10.0.0.5:6379, "
                        "or auto for the one on this machine")  # fmt: skip
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except OSError as error:
        raise _no_cluster(address, str(error.strerror or error)) from error


def _no_cluster(address: str, why: str) -> UserError:
    return UserError(f"no Ray cluster answers at {address} ({why}): start one there with 'ray start --head', or leave "
                     "--ray-address out")  # fmt: skip


def cause_of(error: BaseException) -> BaseException:
    """What an actor raised, out of what Ray makes of it."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error
