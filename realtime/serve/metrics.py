"""The server's figures as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from realtime.process.stats import Load
from realtime.serve.figures import BOUNDS_MS, Figures


def server_metrics(figures: Figures, limit: int) -> Iterator[Any]:
    """`limit`: places that there are."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    load = Load.now()
    yield GaugeMetricFamily("realtime_streams", "Streams that have a place.", figures.streams)
    yield GaugeMetricFamily("realtime_streams_limit", "Places that there are.", limit)
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
