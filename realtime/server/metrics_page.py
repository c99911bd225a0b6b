"""/metrics for Prometheus: figures that are read when they are asked for. Needs the extra [metrics]."""

from __future__ import annotations

import importlib.util
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

from engines.errors import UserError
from engines.extras import pip_install
from realtime.closing import Closing
from realtime.wire.endpoints import is_local

LOOPBACK = "127.0.0.1"

log = logging.getLogger("realtime.metrics")


def require_prometheus() -> None:
    """Raises UserError where the library is missing."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise UserError(f"--metrics needs another library: run {pip_install('metrics')}")


class MetricsPage(Closing):
    """Answers on a thread of its own. Open to everyone who can reach its address: it has no keys."""

    def __init__(self, place: str, collect: Callable[[], Iterator[Any]]) -> None:
        """`place`: HOST:PORT, or a port of this machine alone. `collect`: metric families of prometheus_client.

        Raises UserError for a place that is taken or is none, or without the library.
        """
        require_prometheus()
        from prometheus_client import CollectorRegistry, start_http_server

        host, port = metrics_place(place)
        registry = CollectorRegistry()
        registry.register(_Collector(collect))
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise _no_place(place, error) from error
        self.address = f"http://{host}:{self._server.server_port}/metrics"
        if not is_local(f"tcp://{host}:{port}"):
            log.warning("%s is open to everyone who can reach it", self.address)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def require_place(place: str) -> None:
    """Raises UserError where the library is missing, and for a place that is taken or is none."""
    require_prometheus()
    host, port = metrics_place(place)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise _no_place(place, error) from error


def _no_place(place: str, error: OSError) -> UserError:
    return UserError(f"cannot answer /metrics at {place} ({error.strerror}): name another place")


def metrics_place(text: str) -> tuple[str, int]:
    """HOST:PORT in its parts; a port alone is loopback's. Raises UserError."""
    host, colon, port = text.rpartition(":")
    if (colon and not host) or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UserError(f"--metrics '{text}' is no place to listen: write HOST:PORT, such as 127.0.0.1:9464")
    return host.strip("[]") or LOOPBACK, int(port)


class _Collector:
    """As the library has it."""

    def __init__(self, collect: Callable[[], Iterator[Any]]) -> None:
        self.collect = collect
