"""A site's figures as Prometheus reads them: its streams, and its processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from realtime.session.metrics import process_metrics, state_metric
from realtime.site.config import SiteConfig
from realtime.site.states import site_states
from realtime.site.supervisor import SiteSupervisor


def site_metrics(config: SiteConfig, supervisor: SiteSupervisor) -> Iterator[Any]:
    """For any thread: what the processes have told last."""
    from prometheus_client.core import CounterMetricFamily

    yield state_metric(site_states(config, supervisor.board.conditions(), supervisor.published_lately))
    poses = CounterMetricFamily("realtime_poses", "Frames published.", labels=["stream"])
    for stream, count in supervisor.published.items():
        poses.add_metric([stream], count)
    yield poses
    yield from process_metrics(supervisor, config.stream.name)
