"""`realtime run` from its configuration to its summary."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.logging import RichHandler

from engines.errors import UserError
from engines.folders import require_working_directory
from realtime.config import PlaceConfig, RunConfig
from realtime.detectors.choose_detector import with_detector
from realtime.pipeline.stream_state import stream_state
from realtime.process.limits import check_descriptors
from realtime.process.priority import check_may_go_first
from realtime.server.metrics_page import MetricsPage
from realtime.session.crash_report import CrashReports
from realtime.session.herald import Herald
from realtime.session.instance import Instance, Running
from realtime.session.json_log import json_log
from realtime.session.metrics import session_metrics
from realtime.session.processes import PROCESSES
from realtime.session.status import StatusLine, Summary, report, summarise
from realtime.session.supervisor import Supervisor
from realtime.session.terminal import Terminal, TerminalHandler
from realtime.sources.address import shown
from realtime.sources.open_source import video_path
from realtime.view.open_output import check_output, clear_unfinished, newest_picture

if TYPE_CHECKING:
    from realtime.dashboard.screen import Screen
    from realtime.session.run_dashboard import RunDashboard

log = logging.getLogger("realtime.run")


def run_session(
    config: RunConfig, *, json_summary: bool = False, verbose: bool = False, dashboard: bool = False,
    log_json: Path | None = None,
) -> Summary:
    """Runs until the source ends or an order comes. Raises UserError for what ended it otherwise.

    `dashboard` fills the terminal meanwhile; else there is one line. `log_json`: a file for what happens, too. After
    the summary it raises UserError too where a file was read to its end and nobody was ever seen in it. Raises
    KeyboardInterrupt where Ctrl-C came before the first frame.
    """
    require_working_directory()
    screen = _screen() if dashboard else None
    console = Console(stderr=True)
    with Terminal() as terminal:
        log_to(console, terminal, verbose)
        with json_log(log_json, config.stream.name):
            summary, end = _run(config, console, terminal, screen)
    report(console, summary, end.interrupted)
    if json_summary:
        sys.stdout.write(json.dumps(summary.as_json(), allow_nan=False) + "\n")
        sys.stdout.flush()
    if config.view.render is not None and summary.render is None:
        if end.hurried:
            raise UserError(f"{config.view.render} was not made: it was to be finished when the second Ctrl-C came")
        raise UserError(f"{config.view.render} was not made: see above what the viewer says, mend it and run again")
    if end.by_itself and not summary.frames_with_person:
        raise UserError(f"nobody was seen in any of the {summary.frames} frames of {summary.source}: see what they "
                        "show in a player, or try --detector heavy")
    return summary


class _End(NamedTuple):
    by_itself: bool  # the source's end
    interrupted: bool
    hurried: bool  # a second order left everything as it was


def _run(config: RunConfig, console: Console, terminal: Terminal, screen: Screen | None) -> tuple[Summary, _End]:
    # A film that was asked for and cannot be made is a reason to stop; one that stands in for a window is not.
    film_asked = config.view.render is not None
    check(config)
    config = with_detector(config)
    prepare_source(config)
    config = with_ports(with_every_frame(with_picture(config)))
    processes = [process for process in PROCESSES if process.name != "viewer" or config.view.enabled]
    processes = [replace(process, must_start=film_asked) for process in processes]
    film = config.view.render
    before = newest_picture(film) if film else None
    stream = config.stream
    running = Running(os.getpid(), stream.name, stream.address, stream.rpc_address, stream.status_address)
    with (
        Instance(running), Herald(stream) as herald, Supervisor(config, processes) as supervisor,
        _metrics(config, supervisor), CrashReports(config) as reports,
    ):  # fmt: skip
        with _display(config, console, terminal, screen) as status:
            supervisor.run(lambda session: _tell(session, stream.name, status, herald, reports))
        if supervisor.interrupted and supervisor.went_ns is None:
            raise KeyboardInterrupt  # there has been no session to sum up
        made = film is not None and newest_picture(film) != before
        if film is not None and not made:
            clear_unfinished(film)
        end = _End(supervisor.source_ended, supervisor.interrupted, supervisor.hurried)
        return summarise(supervisor, shown(config.source.name), str(film) if made else None), end


def _metrics(config: RunConfig, supervisor: Supervisor) -> contextlib.AbstractContextManager[object]:
    if config.metrics is None:
        return contextlib.nullcontext()
    page = MetricsPage(config.metrics, lambda: session_metrics(supervisor, config.stream.name))
    log.info("figures at %s", page.address)
    return page


def _tell(
    session: Supervisor, stream: str, status: StatusLine | RunDashboard, herald: Herald, reports: CrashReports
) -> None:
    reports.look(session)
    herald.update({stream: stream_state(session.board.conditions(), session.board.published)})
    status.update(session)


def _screen() -> Screen:
    from realtime.dashboard.screen import Screen

    return Screen("run it in one, or leave out --dashboard")


def _display(
    config: RunConfig, console: Console, terminal: Terminal, screen: Screen | None
) -> StatusLine | RunDashboard:
    if screen is None:
        return StatusLine(console, terminal)
    from realtime.session.run_dashboard import RunDashboard

    return RunDashboard(config.stream, screen)


def check(config: RunConfig) -> None:
    """What the processes would find out one after the other, before any is started. Raises UserError."""
    from engines.lifting.load_lifter import check_lifter
    from realtime.wire.endpoints import check_exposure

    check_descriptors()
    if config.realtime_priority:
        check_may_go_first()
    lifter, stream = config.lifter, config.stream
    check_lifter(lifter.model, lifter.engine, lifter.lookahead, lifter.plan, lifter.align)
    for address in filter(None, (stream.address, stream.rpc_address)):
        check_exposure(address, stream.keys is not None or stream.insecure)
    if config.place != PlaceConfig():
        from realtime.pipeline.setting import check_profiles

        check_profiles(config.place)
    if config.view.render is not None:
        check_output(config.view.render, config.view.overwrite)


def prepare_source(config: RunConfig) -> None:
    """Looks at the source's file and fetches what the cache lacks. Raises UserError where the film would replace it.

    Here, before any process: a download's bar has the terminal to itself, and Ctrl-C ends the download.
    """
    from realtime.assets.fetch import fetch

    path, film = video_path(config.source.name), config.view.render
    if path is not None and film is not None and film.exists() and path.exists() and film.samefile(path):
        raise UserError(f"{film} is the video that is looked at: choose another file for --render")
    if not config.detector.is_own:
        fetch(f"pose-{config.detector.size}")


def with_picture(config: RunConfig) -> RunConfig:
    """Where there is no display for a window, the viewer draws into a film beside the user."""
    from realtime.view.display import has_display

    if not config.view.enabled or config.view.render is not None or has_display():
        return config
    film = Path(f"realtime-{datetime.now():%Y%m%d-%H%M%S}.mp4")
    log.info("there is no display: drawing into %s", film)
    return replace(config, view=replace(config.view, render=film))


def with_every_frame(config: RunConfig) -> RunConfig:
    """A film of a file has every frame of it, whatever the machine is busy with."""
    if config.view.render is None or video_path(config.source.name) is None:
        return config
    return replace(config, source=replace(config.source, every_frame=True))


def with_ports(config: RunConfig) -> RunConfig:
    """A port that is left open is chosen here: the viewer must know it, and a lifter that is started again keep it."""
    from realtime.wire.endpoints import chosen, with_port

    stream = config.stream
    status = stream.status_address or with_port(stream.address, 0)
    wanted = (stream.address, stream.rpc_address, status)
    found = iter(chosen([address for address in wanted if address is not None]))
    address, rpc, status = (None if address is None else next(found) for address in wanted)
    return replace(config, stream=replace(stream, address=address or "", rpc_address=rpc, status_address=status))


def log_to(console: Console, terminal: Terminal, verbose: bool) -> None:
    """Log lines above the status line on a terminal, plain lines elsewhere."""
    root = logging.getLogger("realtime")
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_time=False)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root.handlers[:] = [TerminalHandler(terminal, handler)]
