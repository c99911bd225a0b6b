"""A session's figures as Prometheus reads them: the stream, its processes, rates, stages, what was dropped, people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.pipeline.stream_state import stream_state
from realtime.process.states import STATES
from realtime.process.stats import LifterStats, ProducerStats
from realtime.session.keeper import Keeper
from realtime.session.status import stats_of
from realtime.session.supervisor import Supervisor

_OLD_NS = 3 * NS_PER_S  # a process tells its figures once a second: of one that is gone the rate is 0


def session_metrics(supervisor: Supervisor, stream: str) -> Iterator[Any]:
    """For any thread: what the processes have told last."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    def gauge(name: str, text: str, value: float) -> Any:
        family = GaugeMetricFamily(f"realtime_{name}", text, labels=["stream"])
        family.add_metric([stream], value)
        return family

    def counter(name: str, text: str, value: float) -> Any:
        family = CounterMetricFamily(f"realtime_{name}", text, labels=["stream"])
        family.add_metric([stream], value)
        return family

    board = supervisor.board
    yield state_metric({stream: stream_state(board.conditions(), board.published)})
    producers = stats_of(supervisor, "producer", ProducerStats)
    lifters = stats_of(supervisor, "lifter", LifterStats)
    last = lifters[-1] if lifters else None
    fresh = last is not None and monotonic_ns() - last.load.at_ns < _OLD_NS
    yield gauge("fps", "Poses a second, lately.", last.fps if last is not None and fresh else 0.0)
    yield gauge("people", "People in the newest pose.", last.people if last is not None and fresh else 0)
    yield counter("frames", "Frames that went through the detector.", supervisor.ring.head)
    yield counter("poses", "Frames published.", sum(stats.published for stats in lifters))
    yield counter("frames_dropped", "Frames lost or skipped by the source.", producers[-1].dropped if producers else 0)
    yield counter("frames_lost", "Frames overwritten in the ring before they were read.", sum(s.lost for s in lifters))
    medians = GaugeMetricFamily("realtime_stage_seconds", "Median of the last seconds.", labels=["stream", "stage"])
    slowest = GaugeMetricFamily("realtime_stage_p99_seconds", "99 % of this life's are faster.",
                                labels=["stream", "stage"])  # fmt: skip
    for stage, ms in (last.recent_ms if last else {}).items():
        medians.add_metric([stream, stage], ms / 1000)
    for stage, figures in (last.stages_ms if last else {}).items():
        slowest.add_metric([stream, stage], figures["p99"] / 1000)
    yield from (medians, slowest)
    yield from process_metrics(supervisor, stream)


def state_metric(states: Mapping[str, Mapping[str, object]]) -> Any:
    """Of each stream by its name."""
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily("realtime_stream_state", "1 for the state it is in.", labels=["stream", "state"])
    for stream, told in states.items():
        for name in STATES:
            family.add_metric([stream, name], float(name == told["state"]))
    return family


def process_metrics(supervisor: Keeper, stream: str) -> Iterator[Any]:
    """`stream`: the session's name."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ["stream", "process"]
    state = GaugeMetricFamily("realtime_process_state", "1 for the state it is in.", labels=[*labels, "state"])
    restarts = CounterMetricFamily("realtime_process_restarts", "How often it was started again.", labels=labels)
    resident = GaugeMetricFamily("realtime_process_resident_bytes", "Memory.", labels=labels)
    cpu = CounterMetricFamily("realtime_process_cpu_seconds", "Processor time of this life.", labels=labels)
    for name, condition in supervisor.board.conditions().items():
        for known in STATES:
            state.add_metric([stream, name, known], float(known == condition.state))
        restarts.add_metric([stream, name], condition.restarts)
        load = supervisor.children[name].load
        if load is not None:
            resident.add_metric([stream, name], load.rss_mb * 1e6)
            cpu.add_metric([stream, name], load.cpu_s)
    yield from (state, restarts, resident, cpu)
