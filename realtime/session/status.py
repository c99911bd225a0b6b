"""How a session looks from outside: one live line while it runs, a table and a record of figures at its end."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.stats import LifterStats, ProducerStats
from realtime.session.child import Child
from realtime.session.supervisor import Supervisor
from realtime.session.terminal import Terminal

_LOG_EVERY_S, _LIVE_EVERY_S = 5.0, 0.25
STAGE_TEXTS = {
    "detect": "capture to keypoints",
    "ring": "keypoints to lifter",
    "lift": "resample, lift, place",
    "publish": "encode, publish",
    "message": "keypoints to message",
    "total": "capture to message",
}

log = logging.getLogger("realtime.run")


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    restarts: int
    cpu_percent: float  # of one core, over the process's last life
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A session's figures; `stages_ms` and the rates are of the last life of the process that measured them."""

    source: str
    engine: str
    model: str
    elapsed_s: float  # since the producer was let go: with what came before the first frame and behind the last
    frames: int  # that went through the detector
    frames_with_person: int
    published: int
    published_with_person: int
    published_ratio: float | None  # published frames with a person, of those detected; None: nobody was detected
    dropped: int  # lost or skipped by the source
    lost: int  # overwritten in the ring before they were read
    published_s: float  # that those took which were published, at `fps`
    fps: float
    detector_fps: float
    stages_ms: dict[str, dict[str, float]]
    processes: dict[str, ProcessFigures]
    render: str | None = None  # the film that was made
    restarts: int = field(default=0)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise(supervisor: Supervisor, source: str, render: str | None) -> Summary:
    producers = stats_of(supervisor, "producer", ProducerStats)
    lifters = stats_of(supervisor, "lifter", LifterStats)
    published_seen = sum(stats.with_person for stats in lifters)
    # A producer that is killed takes the counts of its last second with it; what was published had been seen.
    seen = max(sum(stats.with_person for stats in producers), published_seen)
    last = lifters[-1] if lifters else None
    started_ns = supervisor.went_ns or monotonic_ns()
    published, fps = sum(stats.published for stats in lifters), last.mean_fps if last else 0.0
    return Summary(
        source=source,
        engine=last.engine if last else "",
        model=last.model if last else "",
        elapsed_s=round((monotonic_ns() - started_ns) / NS_PER_S, 3),
        frames=supervisor.ring.head,
        frames_with_person=seen,
        published=published,
        published_with_person=published_seen,
        published_ratio=round(published_seen / seen, 4) if seen else None,
        dropped=producers[-1].dropped if producers else 0,
        lost=sum(stats.lost for stats in lifters),
        published_s=round(published / fps, 3) if fps else 0.0,
        fps=round(fps, 2),
        detector_fps=round(producers[-1].mean_fps, 2) if producers else 0.0,
        stages_ms=last.stages_ms if last else {},
        processes={name: process_figures(child) for name, child in supervisor.children.items()},
        render=render,
        restarts=supervisor.restarted,
    )


def stats_of(supervisor: Supervisor, name: str, kind: type[Any]) -> list[Any]:
    """What a process has told, the last of each of its lives."""
    child = supervisor.children.get(name)
    return [stats for stats in child.stats if isinstance(stats, kind)] if child else []


def process_figures(child: Child) -> ProcessFigures:
    load = child.load
    if load is None:
        return ProcessFigures(child.life, 0.0, 0.0)
    lived_s = max((load.at_ns - child.started_ns) / NS_PER_S, 1e-3)
    return ProcessFigures(child.life, round(100 * load.cpu_s / lived_s, 1), round(load.rss_mb, 1))


def line(supervisor: Supervisor) -> str:
    """The state of the session in one line, what matters most first: a narrow terminal cuts off the stages."""
    producer, lifter = supervisor.children["producer"], supervisor.children["lifter"]
    produced, lifted = producer.latest, lifter.latest
    if not isinstance(produced, ProducerStats) or not isinstance(lifted, LifterStats) or not lifted.published:
        return starting(supervisor) or "waiting for the first frames"
    stages = "  ".join(f"{name} {lifted.recent_ms[name]:.1f}" for name in STAGE_TEXTS if name in lifted.recent_ms)
    parts = [
        f"{lifted.fps:.1f} fps", f"dropped {produced.dropped + lifted.lost}", f"{lifted.model} on {lifted.engine}",
    ]  # fmt: skip
    if supervisor.restarted:
        parts.append(f"restarts {supervisor.restarted}")
    return " | ".join([*parts, f"{stages} ms"])


def starting(supervisor: Supervisor) -> str:
    """What the session waits for before it begins; "" once all are ready."""
    missing = [name for name, child in supervisor.children.items() if child.ready is None and not child.done]
    return f"starting: waiting for {', '.join(missing)}" if missing else ""


class StatusLine:
    """A line that is always current on a terminal; elsewhere a line in the log now and then."""

    def __init__(self, console: Console, terminal: Terminal) -> None:
        live = Live(Text(""), console=console, auto_refresh=False, transient=True)
        self._live = live if console.is_terminal else None
        self._terminal = terminal
        self._told_ns = self._logged_ns = monotonic_ns()

    def __enter__(self) -> StatusLine:
        if self._live is not None:
            self._terminal.put(self._live.start)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self._live is not None:
            self._terminal.put(self._live.stop)

    def update(self, supervisor: Supervisor) -> None:
        now_ns = monotonic_ns()
        if self._live is not None and now_ns - self._told_ns > _LIVE_EVERY_S * NS_PER_S:
            self._told_ns = now_ns
            text = Text(line(supervisor), overflow="ellipsis", no_wrap=True)
            self._terminal.put(partial(self._live.update, text, refresh=True))
        elif self._live is None and now_ns - self._logged_ns > _LOG_EVERY_S * NS_PER_S:
            self._logged_ns = now_ns
            log.info("%s", line(supervisor))


def report(console: Console, summary: Summary, interrupted: bool = False) -> None:
    """What is said at the end; `interrupted`: what was made is shorter than the source."""
    published = f"{summary.published} frames of {summary.source} published"
    lines = [
        f"{published} in {summary.published_s:.1f} s, {summary.fps:.1f} fps; {_model(summary)}",
        f"{summary.frames_with_person} of {summary.frames} frames had a person in them"
        + ("" if summary.published_ratio is None else f", {summary.published_ratio:.1%} of those were published"),
        f"{summary.dropped} frames dropped by the source, {summary.lost} lost in the ring",
    ]
    if summary.restarts:
        lines.append(f"{summary.restarts} restarts of processes that failed")
    if summary.render:
        until = f" as far as it was published, {summary.published} frames: it was interrupted" if interrupted else ""
        lines.append(f"the picture is in {summary.render}{until}")
    console.print(_stage_table(summary))
    console.print("\n".join(lines), highlight=False)


def _model(summary: Summary) -> str:
    return f"{summary.model} on {summary.engine}" if summary.model else "no lifter ran"


def _stage_table(summary: Summary) -> Table:
    made = Table("stage")
    made.add_column("p50 ms", justify="right")
    made.add_column("p99 ms", justify="right")
    for name, text in STAGE_TEXTS.items():
        if name in summary.stages_ms:
            figures = summary.stages_ms[name]
            made.add_row(text, f"{figures['p50']:.2f}", f"{figures['p99']:.2f}")
    return made
