"""`realtime run` of a file with several cameras, from its configuration to its summary."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from calibration.cameras.cameras_file import load_cameras
from engines.errors import UserError
from engines.folders import require_working_directory
from realtime.assets.fetch import fetch
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import RunConfig
from realtime.detectors.choose_detector import with_detector
from realtime.process.limits import check_descriptors
from realtime.process.stats import SiteStats
from realtime.server.metrics_page import MetricsPage
from realtime.session.herald import Herald
from realtime.session.instance import Instance, Running
from realtime.session.json_log import json_log
from realtime.session.run_session import check, log_to, with_picture
from realtime.session.terminal import Terminal
from realtime.site.config import SiteConfig
from realtime.site.metrics import site_metrics
from realtime.site.processes import LIFTER, VIEWER, name_of, table
from realtime.site.states import site_states
from realtime.site.supervisor import SiteSupervisor
from realtime.site.told import told_camera, told_lifter, told_viewer
from realtime.sources.open_source import video_path
from realtime.view.open_output import clear_unfinished
from realtime.wire.endpoints import chosen, with_port

_TELL_NS = 5 * NS_PER_S

log = logging.getLogger("realtime.run")


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """A session's figures. `published`: frames of each stream, the fused one's too."""

    elapsed_s: float
    engine: str
    model: str
    published: dict[str, int]
    restarts: int


def run_site(
    config: SiteConfig, *, json_summary: bool = False, verbose: bool = False, log_json: Path | None = None
) -> SiteSummary:
    """Runs until the sources end or an order comes. Raises UserError for what ended it otherwise."""
    require_working_directory()
    console = Console(stderr=True)
    with Terminal() as terminal:
        log_to(console, terminal, verbose)
        with json_log(log_json, config.stream.name):
            summary = _run(config)
    counts = ", ".join(f"{count} of '{name}'" for name, count in summary.published.items()) or "none"
    console.print(f"frames published in {summary.elapsed_s:.1f} s: {counts}; {summary.restarts} restarts",
                  highlight=False)  # fmt: skip
    if json_summary:
        sys.stdout.write(json.dumps(asdict(summary), allow_nan=False) + "\n")
        sys.stdout.flush()
    return summary


def _run(config: SiteConfig) -> SiteSummary:
    viewer = with_picture(_checked_viewer(config))
    first = with_detector(told_camera(config, config.camera[0], "").config)
    if not first.detector.is_own:
        fetch(f"pose-{first.detector.size}")
    config = replace(config, detector=first.detector)
    stream = config.stream
    said = stream.status_address or with_port(stream.address, 0) or "tcp://127.0.0.1:*"
    wanted = [stream.address, "tcp://127.0.0.1:*", said, *filter(None, [stream.rpc_address])]
    address, intake, status, *rpc = chosen(wanted)
    stream = replace(stream, address=address, rpc_address=rpc[0] if rpc else None, status_address=status)
    config = replace(config, stream=stream)
    viewer = replace(viewer, stream=replace(viewer.stream, address=address, rpc_address=stream.rpc_address))
    told = {name_of(one): told_camera(config, one, intake) for one in config.camera}
    lifter = told_lifter(config, intake)
    processes = table(config)
    with (
        _instances(config), Herald(stream) as herald,
        SiteSupervisor(config, processes, {**told, LIFTER: lifter, VIEWER: viewer}) as supervisor,
        _metrics(config, supervisor),
    ):  # fmt: skip
        line = _Line()

        def tell(session: SiteSupervisor) -> None:
            herald.update(site_states(config, session.board.conditions(), session.published_lately))
            line.update(session)

        supervisor.run(tell)
        if supervisor.interrupted and supervisor.went_ns is None:
            raise KeyboardInterrupt  # there has been no session to sum up
        if viewer.view.render is not None:
            clear_unfinished(viewer.view.render)
        return _summary(supervisor)


def _checked_viewer(config: SiteConfig) -> RunConfig:
    """What the viewer is told. Raises UserError for what the processes would find out one after the other."""
    check_descriptors()
    _check_cameras(config)
    viewer = told_viewer(config)
    check(viewer)
    told_lifter(config, "")  # raises for what does not go together
    for one in config.camera:
        video_path(one.source.name)
    return viewer


@contextlib.contextmanager
def _instances(config: SiteConfig) -> Iterator[None]:
    """It is found by its own name, and by that of any camera. Raises UserError where one is taken."""
    stream = config.stream
    own = Running(os.getpid(), stream.name, stream.address, stream.rpc_address, stream.status_address)
    with contextlib.ExitStack() as stack:
        stack.enter_context(Instance(own))
        for one in config.camera:
            if one.name != stream.name:
                stack.enter_context(Instance(replace(own, stream=one.name, session=stream.name)))
        yield


def _metrics(config: SiteConfig, supervisor: SiteSupervisor) -> contextlib.AbstractContextManager[object]:
    if config.metrics is None:
        return contextlib.nullcontext()
    page = MetricsPage(config.metrics, lambda: site_metrics(config, supervisor))
    log.info("figures at %s", page.address)
    return page


def _check_cameras(config: SiteConfig) -> None:
    """Raises UserError where fewer than two cameras' places are known."""
    if config.cameras is None:
        if len(config.camera) > 1:
            log.info("where the cameras stand is not known, so that each has a stream of its own alone: walk about and "
                     "run 'realtime calibrate cameras %s'", " ".join(one.name for one in config.camera))  # fmt: skip
        return
    known = load_cameras(config.cameras)
    fused = [one.name for one in config.camera if known.named(one.name) is not None]
    if len(fused) < 2:
        names = ", ".join(known.names)
        raise UserError(f"{config.cameras} knows {names}: name two or more of the [[camera]] tables so")
    for one in config.camera:
        if one.name not in fused:
            log.warning("'%s' is not in %s: it has a stream of its own alone", one.name, config.cameras)


def _counts(supervisor: SiteSupervisor) -> SiteStats | None:
    lives = [stats for stats in supervisor.children[LIFTER].stats if isinstance(stats, SiteStats)]
    return replace(lives[-1], published=dict(supervisor.published)) if lives else None


def _summary(supervisor: SiteSupervisor) -> SiteSummary:
    stats = _counts(supervisor)
    elapsed_s = (monotonic_ns() - supervisor.went_ns) / NS_PER_S if supervisor.went_ns else 0.0
    return SiteSummary(
        round(elapsed_s, 3), stats.engine if stats else "", stats.model if stats else "",
        stats.published if stats else {}, supervisor.restarted,
    )  # fmt: skip


class _Line:
    """A line in the log now and then."""

    def __init__(self) -> None:
        self._told_ns = monotonic_ns()

    def update(self, supervisor: SiteSupervisor) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._told_ns < _TELL_NS:
            return
        self._told_ns = now_ns
        stats = _counts(supervisor)
        missing = [name for name, child in supervisor.children.items() if child.ready is None and not child.done]
        if missing and supervisor.went_ns is None:
            log.info("starting: waiting for %s", ", ".join(missing))
        elif stats is not None:
            log.info("%s", "  ".join(f"{name} {count}" for name, count in stats.published.items()))
