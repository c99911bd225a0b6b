"""/metrics of a fleet: its workers, its streams, and how many workers the load asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class FleetFigures:
    """`told`: what the door says of the fleet."""

    def __init__(self, told: Callable[[], dict[str, Any]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        told = self._told()
        workers = told["workers"]
        yield GaugeMetricFamily("realtime_fleet_workers", "Workers that are alive.", len(workers))
        yield GaugeMetricFamily("realtime_fleet_workers_wanted", "Workers that the load asks for.", told["wanted"])
        yield GaugeMetricFamily("realtime_fleet_streams", "Streams that have a worker.", len(told["streams"]))
        yield GaugeMetricFamily("realtime_fleet_places", "Places of all workers.", sum(one["limit"] for one in workers))
        yield GaugeMetricFamily("realtime_fleet_moving", "Planned moves that are not done.", told["moving"])
        yield CounterMetricFamily("realtime_fleet_moves", "Planned moves done.", told["moves"])
        yield CounterMetricFamily("realtime_fleet_lookups", "Producers told where to go.", told["lookups"])
        for name, text in (("streams", "Streams of a worker."), ("busy", "Part of a worker's time at work, lately.")):
            family = GaugeMetricFamily(f"realtime_fleet_worker_{name}", text, labels=["worker"])
            for one in workers:
                family.add_metric([one["name"]], one[name])
            yield family
