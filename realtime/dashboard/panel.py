"""The facts of a stream as one panel that fits 80 columns and 24 rows, and fills a terminal that is larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from realtime.dashboard.facts import Facts, PersonFacts
from realtime.dashboard.sparkline import sparkline

_FIXED_ROWS = 10  # borders, state, two sparklines, four rows of facts, the people's heads
_ROOMY_ROWS = 20  # a terminal with fewer has no blank ones
_LEAST_PEOPLE, _LEAST_NOTES = 3, 3  # rows of each where there is no room for more
_BEFORE_SPARK, _AFTER_SPARK = 32, 10  # columns


@dataclass(frozen=True, slots=True)
class Around:
    """What whoever draws knows besides the stream."""

    state: str = ""  # instead of the stream's own, while there is one
    processes: str = ""
    notes: tuple[str, ...] = ()  # log lines, the newest last
    restarts: int | None = None  # of processes; None: as the stream says


class Dashboard:
    """A picture of the facts, for one size of terminal at a time."""

    def __init__(self, title: str, facts: Facts, around: Around) -> None:
        self._title, self._facts, self._around = title, facts, around

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.size.height
        body = Table.grid(expand=True)
        body.add_column(no_wrap=True, overflow="ellipsis")
        for row in self._rows(options.max_width - 4, height, options.ascii_only):
            body.add_row(row)
        yield Panel(body, title=Text(self._title, "bold"), subtitle="Ctrl-C ends it", height=height, padding=(0, 1))

    def _rows(self, width: int, height: int, ascii_only: bool) -> list[Text | Table]:
        facts, around = self._facts, self._around
        blank = [Text("")] if height >= _ROOMY_ROWS else []
        free = height - _FIXED_ROWS - 4 * len(blank)
        people, notes = _shares(free, len(facts.people), len(around.notes))
        return [
            self._state(), *blank, *_rates(facts, width, ascii_only), *blank, *_about(facts, around), *blank,
            _people(facts.people, people, ascii_only), *blank,
            *(Text(printable(note), "dim") for note in around.notes[len(around.notes) - notes :]),
        ]  # fmt: skip

    def _state(self) -> Text:
        facts = self._facts
        state = printable(self._around.state or facts.state)
        style = "bold green" if facts.well and not self._around.state else "bold yellow"
        minutes, seconds = divmod(facts.watched_s, 60)
        return Text.assemble((state, style), (f"   watched for {minutes}:{seconds:02d}", "dim"))


def _shares(free: int, people: int, notes: int) -> tuple[int, int]:
    """Of so many free rows those for people, and those for notes: people first, but for a few notes."""
    for_people = max(min(people, free - min(notes, _LEAST_NOTES)), min(people, _LEAST_PEOPLE))
    return for_people, min(notes, max(free - max(for_people, 1), 0))


def _rates(facts: Facts, width: int, ascii_only: bool) -> list[Text]:
    p50, p99 = facts.latency_ms
    known = not math.isnan(p50)
    rows = (
        ("fps", f"{facts.fps:.1f}", facts.fps_history, "green"),
        ("latency", f"p50 {p50:.0f}  p99 {p99:.0f} ms" if known else "-", facts.latency_history_ms, "cyan"),
    )
    lines = []
    columns = width - _BEFORE_SPARK - _AFTER_SPARK
    for name, figures, history, style in rows:
        shown = list(history)[-max(columns, 1) :]
        most = max((value for value in shown if math.isfinite(value)), default=None)
        lines.append(Text.assemble(
            (f"{name:9}", "dim"), f"{figures:{_BEFORE_SPARK - 9}}",
            (sparkline(shown, columns, ascii_only=ascii_only), style),
            ("" if most is None else f"  max {most:.0f}", "dim"),
        ))  # fmt: skip
    return lines


def _about(facts: Facts, around: Around) -> list[Text]:
    message, status = facts.message, facts.status
    restarts = status.get("restarts", 0) if around.restarts is None else around.restarts
    camera = message.dropped if message else 0
    pairs: list[list[tuple[str, object]]] = [
        [("dropped", f"{camera} by the camera, {_count(status.get('lost', 0))} in the line, {facts.missed} on the way "
                     "here"), ("restarts", _count(restarts))],
    ]  # fmt: skip
    if message is not None:
        pairs[:0] = [
            [("engine", message.engine), ("model", message.model), ("look-ahead", message.lookahead)],
            [("space", message.space), ("scale", message.scale), ("lens", _lens(message.calibration))],
        ]
    rows = [
        Text("   ").join(Text.assemble((f"{name} ", "dim"), printable(str(value))) for name, value in row)
        for row in pairs
    ]
    return [*rows, Text(around.processes, "dim")] if around.processes else rows


def printable(text: str) -> str:
    """What a publisher sends does not move the terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _count(value: object) -> str:
    return str(value) if type(value) is int else "?"


def _lens(calibration: str) -> str:
    return "guess" if calibration.startswith("guess-") else "calibrated" if calibration else "assumed"


def _people(people: Sequence[PersonFacts], rows: int, ascii_only: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("person", "state", "distance", "joint error", "unseen joints", "memory"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    plus = "+-" if ascii_only else "±"
    shown = people if len(people) <= rows else people[: max(rows - 1, 0)]
    for person in shown:
        error = "" if math.isnan(person.root_sigma_m) else f" {plus} {person.root_sigma_m:.2f}"
        distance = "unknown" if math.isnan(person.distance_m) else f"{person.distance_m:.2f}{error} m"
        table.add_row(
            str(person.id), "held" if person.held else "fresh", distance, f"{1000 * person.sigma_m:.0f} mm",
            str(person.unseen), f"{person.window_fill:.0%}", style="dim" if person.held else "",
        )  # fmt: skip
    if not people:
        table.add_row("-", "nobody")
    elif len(shown) < len(people):
        table.add_row("...", f"and {len(people) - len(shown)} more")
    return table
