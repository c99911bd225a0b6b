"""/metrics for Prometheus: the server's figures, read when they are asked for. Needs the extra [metrics]."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Protocol

from engines.errors import UserError
from realtime.closing import Closing
from realtime.process.stats import Load
from realtime.serve.figures import BOUNDS_MS, Figures
from realtime.serve.options import metrics_place


def require_prometheus() -> None:
    """Raises UserError where the library is missing."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise UserError("--metrics needs another library: run pip install 'realtime-pose[metrics]'")


class Collects(Protocol):
    """Gives families of `prometheus_client`, on the page's thread."""

    def collect(self) -> Iterator[Any]: ...


class MetricsPage(Closing):
    """Answers on a thread of its own. Open to everyone who can reach its address: it has no keys."""

    def __init__(self, place: str, collector: Collects) -> None:
        """`place`: HOST:PORT. Raises UserError for one that is taken or is none, or without the library."""
        require_prometheus()
        from prometheus_client import CollectorRegistry, start_http_server

        host, port = metrics_place(place)
        registry = CollectorRegistry()
        registry.register(collector)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise UserError(f"cannot answer /metrics at {place} ({error.strerror}): name another place") from error
        self.address = f"http://{host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ServerFigures:
    """`limit`: places that there are."""

    def __init__(self, figures: Figures, limit: int) -> None:
        self._figures, self._limit = figures, limit

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        figures, load = self._figures, Load.now()
        yield GaugeMetricFamily("realtime_streams", "Streams that have a place.", figures.streams)
        yield GaugeMetricFamily("realtime_streams_limit", "Places that there are.", self._limit)
        yield GaugeMetricFamily("realtime_busy_ratio", "Part of the time at work, lately.", figures.busy)
        yield GaugeMetricFamily("realtime_resident_bytes", "Memory of the server.", load.rss_mb * 1e6)
        yield CounterMetricFamily("realtime_cpu_seconds", "Processor time since the start.", load.cpu_s)
        yield CounterMetricFamily("realtime_poses", "Frames lifted and published.", figures.frames)
        yield CounterMetricFamily("realtime_frames_left_out", "Frames too many to be lifted.", figures.left_out)
        yield CounterMetricFamily("realtime_rounds", "Batches lifted.", figures.rounds)
        refusals = CounterMetricFamily("realtime_refusals", "Producers and messages refused.", labels=["code"])
        for code, count in list(figures.refusals.items()):
            refusals.add_metric([code], count)
        yield refusals
        counts = list(accumulate(figures.buckets))
        bounds = [*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf"]
        added = HistogramMetricFamily("realtime_added_latency_seconds", "From a frame's arrival to its pose.")
        added.add_metric([], list(zip(bounds, counts, strict=True)), figures.added_sum_s)
        yield added
