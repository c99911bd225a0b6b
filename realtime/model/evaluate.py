"""`realtime evaluate`: a lifter's live code over evaluation sets, with a progress bar, tables and files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engines.errors import UserError
from engines.evaluation.curves import plot_lookaheads
from engines.evaluation.evaluate import Scores, evaluate_set
from engines.evaluation.report import as_data, as_markdown, header, overview, spreads, table
from engines.extras import pip_install
from engines.lifting.load_lifter import load_lifter
from engines.models.card import PAPER, ModelCard, find_model
from engines.motion.evaluation_set import EvaluationSet
from engines.write_aside import require_target, write_aside
from realtime.assets.fetch import fetch
from realtime.library.offline import check_installed
from realtime.model.four_views import COLUMNS as VIEW_COLUMNS
from realtime.model.four_views import FourViewsRow, compare_views
from realtime.model.real_people import COLUMNS, Row, cells, compare
from realtime.model.whole_line import PARTS, of_part, smoothed_offline
from realtime.sources.address import is_live
from realtime.sources.open_source import video_path

AT_ONCE = 32  # sequences that share a step


@dataclass(frozen=True, slots=True)
class Request:
    """What to score, on what, and where to write it."""

    model: str
    data: Path | None
    keypoints: Path | None
    protocols: tuple[str, ...]
    subjects: tuple[str, ...]
    lookaheads: tuple[int, ...]
    engine: str
    align: str | None
    views: int
    clips: tuple[Path, ...]
    people: bool
    part: str
    known_height: bool
    offline: bool
    json: Path | None
    markdown: Path | None
    plot: Path | None
    overwrite: bool


def evaluate(request: Request) -> None:
    """Raises UserError where the model, the data or a protocol is not there."""
    card, lookaheads = _check(request)
    sets = evaluation_sets(request, request.data) if request.data else []
    scores = _score(request, sets, lookaheads) if sets else []
    people, views = _real_people(request), _four_views(request)
    about = {"model": card.name, "sha256": card.sha256, "engine": request.engine, "part": request.part}
    if request.known_height:
        about["height"] = "known"
    if request.offline:
        about["smoothed"] = "offline"
    if request.data:
        about["data"] = request.data.name
    if request.json:
        data = {**as_data(about, scores), "real_people": [row.as_dict() for row in people],
                "four_views": [row.as_dict() for row in views]}
        text = json.dumps(data, indent=2) + "\n"
        write_aside(request.json, lambda aside: aside.write_text(text))
    if request.markdown:
        page = as_markdown(about, scores) + _section("Real people", COLUMNS, [*map(cells, people)])
        page += _section("One person, four views", VIEW_COLUMNS, [row.cells() for row in views])
        write_aside(request.markdown, lambda aside: aside.write_text(page, encoding="utf-8"))
    if request.plot:
        plot_lookaheads(scores, request.plot)
    _show(scores, people, views)


def _check(request: Request) -> tuple[ModelCard, tuple[int, ...]]:
    """The model, and what of it is scored. Raises UserError for all that can be told before hours of scoring."""
    card, _ = find_model(request.model)
    known = (0,) if card.kind == PAPER else card.lookaheads
    lookaheads = request.lookaheads or known
    if request.offline:
        check_installed()
    wrong = sorted(set(lookaheads) - set(known))
    if wrong:
        raise UserError(f"model {card.name} has no look-ahead {wrong[0]}: choose from {', '.join(map(str, known))}")
    if request.part not in PARTS:
        raise UserError(f"there is no part {request.part!r} to score: choose one of {', '.join(PARTS)}")
    for target in filter(None, (request.json, request.markdown, request.plot)):
        require_target(target, request.overwrite)
    if request.plot is not None and request.data is None:
        raise UserError("--plot draws the error over the delay on motion capture or a dataset: add --data PATH")
    if request.plot is not None and find_spec("matplotlib") is None:
        raise UserError(f"--plot needs matplotlib: {pip_install('train')}")
    for clip in request.clips:
        if is_live(str(clip)):
            raise UserError(f"--clip {clip} is a camera or an address: save it as a video first")
        video_path(str(clip))
    with load_lifter(request.model, request.engine, lookaheads[0], align=request.align):
        pass  # it can be loaded
    for asset in (*(["pose-full"] if request.clips or request.people else []),
                  *(["pose-heavy", "four-views"] if request.people else [])):  # fmt: skip
        fetch(asset)
    return card, lookaheads


def evaluation_sets(request: Request, source: Path) -> list[EvaluationSet]:
    """A dataset's own sequences, or the protocols' virtual views of motion capture."""
    try:
        from engines.evaluation.protocols import build, expand, held_out_clips
        from engines.motion.importers.load_motion import holds_recordings, load_evaluation_set
    except ImportError as error:
        raise UserError(f"evaluation needs {error.name}: {pip_install('train')}") from error
    if holds_recordings(source):
        if request.protocols:
            raise UserError(f"{source} has its own views: leave --protocol out, or give motion capture as --data")
        return [load_evaluation_set(source, request.keypoints)]
    names = expand(request.protocols or ("held-out",))
    clips = held_out_clips(source, request.subjects)
    return [build(name, clips, request.views) for name in names]


def _score(request: Request, sets: Sequence[EvaluationSet], lookaheads: Sequence[int]) -> list[Scores]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    out: list[Scores] = []
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("sequences", total=len(lookaheads) * sum(len(data.actions) for data in sets))
        for lookahead in lookaheads:
            with load_lifter(request.model, request.engine, lookahead, align=request.align) as lifter:
                predict = of_part(lifter, request.part)
                predict = smoothed_offline(predict) if request.offline else predict
                for data in sets:
                    bar.update(task, description=f"{data.name}, look-ahead {lookahead}")
                    scored = evaluate_set(
                        predict, data, batch=AT_ONCE, known_height=request.known_height,
                        progress=lambda done: bar.advance(task, done),
                    )  # fmt: skip
                    out.append(scored[0].at(lookahead))
    order = {data.name: number for number, data in enumerate(sets)}
    return sorted(out, key=lambda one: (order[one.protocol], one.lookahead))


def _real_people(request: Request) -> list[Row]:
    rows: list[Row] = []
    with Progress(TextColumn("{task.description}"), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        for clip in request.clips:
            task = bar.add_task(f"{clip.name}, frames", total=None)
            with load_lifter(request.model, request.engine, align=request.align) as lifter:
                rows += compare(clip, lifter, progress=partial(bar.advance, task))
    return rows


def _four_views(request: Request) -> list[FourViewsRow]:
    if not request.people:
        return []
    with (
        Progress(TextColumn("{task.description}"), MofNCompleteColumn(), console=Console(stderr=True)) as bar,
        load_lifter(request.model, request.engine, align=request.align) as lifter,
    ):
        task = bar.add_task("four views, frames", total=None)
        return compare_views(lifter, progress=partial(bar.advance, task))


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join((f"\n## {title}", "", *table(columns, rows))) + "\n" if rows else ""


def _show(scores: Sequence[Scores], people: Sequence[Row], views: Sequence[FourViewsRow]) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = 200
    parts: tuple[tuple[Sequence[str], Sequence[Sequence[str]]], ...] = (
        (header("protocol", "look-ahead", "delay ms"), overview(scores)), (COLUMNS, [*map(cells, people)]),
        (VIEW_COLUMNS, [row.cells() for row in views]),
    )  # fmt: skip
    for head, rows in parts:
        if rows:
            shown = Table(*head)
            for row in rows:
                shown.add_row(*row)
            console.print(shown)
    for label, percent in spreads(scores).items():
        console.print(f"N-MPJPE varies by {percent:.0f} % over {label}")
