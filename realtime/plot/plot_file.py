"""A recording's figure in a file: `realtime plot`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from engines.errors import UserError
from engines.write_aside import require_target, write_aside
from realtime.plot.figure import draw, require_matplotlib, save
from realtime.plot.panels import PANELS
from realtime.plot.read_recording import read_recording
from realtime.plot.recording import Recording, Track

LATENCY = "latency"
QUANTITIES = (*PANELS, LATENCY)
SUFFIXES = (".png", ".svg")
MOST_PEOPLE = 3  # side by side

log = logging.getLogger("realtime.plot")


def plot_file(
    source: Path, target: Path, *, what: Sequence[str] = (), people: Sequence[int] = (), stream: str | None = None,
    overwrite: bool = False,
) -> tuple[int, int]:  # fmt: skip
    """Draws a take or a file of poses into a .png or .svg; returns its number of people and of panels.

    `what`: of QUANTITIES; none: all that the file knows. `people`: ids; none: the MOST_PEOPLE that are seen longest.
    Raises UserError, also where `target` exists, unless `overwrite`.
    """
    if target.suffix.lower() not in SUFFIXES:
        raise UserError(f"{target} is neither .png nor .svg: name the figure OUT.png or OUT.svg")
    unknown = [name for name in what if name not in QUANTITIES]
    if unknown:
        raise UserError(f"--what {unknown[0]} is unknown: choose of {', '.join(QUANTITIES)}")
    require_target(target, overwrite)
    require_matplotlib()
    recording = read_recording(source, stream)
    wanted = [name for name in QUANTITIES if name in (what or QUANTITIES)]
    if LATENCY in what and recording.latency_ms is None:
        raise UserError(f"{source} does not say when its poses were published: plot the latency of a take (.mcap)")
    latency_ms = recording.latency_ms if LATENCY in wanted else None
    chosen = _chosen(recording, source, people) if wanted != [LATENCY] else []
    panels = [
        (track, [panel for name in wanted if name in PANELS for panel in PANELS[name](track, recording.space)])
        for track in chosen
    ]
    whose = f", {chosen[0].name}" if len(chosen) == 1 else ""
    figure = draw(f"{source.name}{whose}: {recording.about}", panels, latency_ms)
    write_aside(target, lambda aside: save(figure, aside, target.suffix[1:].lower()))
    return len(chosen), len(figure.axes)


def _chosen(recording: Recording, source: Path, people: Sequence[int]) -> list[Track]:
    """In the order in which they came. Raises UserError where somebody is not in it."""
    tracks = list(recording.tracks)
    if not tracks:
        raise UserError(f"{source} holds no pose of anybody that was seen: there is nothing to plot")
    there = dict.fromkeys(track.id for track in tracks)
    for number in people:
        if number not in there:
            raise UserError(f"{source} holds no person {number}: choose of {', '.join(map(str, there))}")
    if people:
        tracks = [track for track in tracks if track.id in people]
    longest = sorted(tracks, key=lambda track: -track.seen)[:MOST_PEOPLE]
    left_out = [f"{track.name} ({track.seen} frames)" for track in tracks if track not in longest]
    if left_out:
        log.info("not in the figure: %s; choose with --person ID", "; ".join(left_out))
    return [track for track in tracks if track in longest]
