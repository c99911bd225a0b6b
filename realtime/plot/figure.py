"""Panels as one figure: a row for each quantity, a column for each person, left and right in the viewer's colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import UserError
from engines.extras import pip_install
from realtime.plot.panels import SIDES, Panel
from realtime.plot.recording import Double, Track
from realtime.view.scene.figure import TINTS_RGB

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_COLUMN_IN, _LEGEND_IN, _ROW_IN, _HEAD_IN = 7.0, 1.9, 2.1, 0.8
_DPI = 130
_STROKES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))  # one for each joint of a side
_COLOURS = [tuple(colour) for colour in TINTS_RGB[0]]  # left, right, middle: the viewer's first person
_GREY = "0.35"
_FEW, _BINS = 1000, 60  # frames: of fewer the bins follow the data


def require_matplotlib() -> None:
    """Raises UserError where it is not installed."""
    try:
        import matplotlib.figure  # noqa: F401 -- is it there?
    except ImportError as error:
        raise UserError(f"figures need the package matplotlib: run {pip_install('plot')}") from error


def draw(title: str, people: Sequence[tuple[Track, Sequence[Panel]]], latency_ms: Double | None) -> Figure:
    """`people`, each with their panels: one row for each title that there is; `latency_ms` (frames,) is a last row of
    its own, None: none."""
    from matplotlib.figure import Figure

    titles = list(dict.fromkeys(panel.title for _, panels in people for panel in panels))
    rows, columns = len(titles) + (latency_ms is not None), max(1, len(people))
    size_in = (_COLUMN_IN * (1.0 if columns == 1 else 0.72 * columns) + _LEGEND_IN, _HEAD_IN + _ROW_IN * rows)
    figure = Figure(figsize=size_in, layout="constrained")
    printable = "".join(sign if sign.isprintable() else "?" for sign in title)  # names of files and models
    figure.suptitle(printable, fontsize=11, x=0.01, ha="left", parse_math=False)
    grid = figure.add_gridspec(rows, columns)
    first: Axes | None = None  # all have its time
    for row, name in enumerate(titles):
        axes: list[Axes] = []
        shown = [next((panel for panel in panels if panel.title == name), None) for _, panels in people]
        for column, (track, _) in enumerate(people):
            axes.append(figure.add_subplot(grid[row, column], sharex=first, sharey=axes[0] if axes else None))
            first = first or axes[0]
            _plain(axes[-1])
            if row == 0 and columns > 1:
                axes[-1].set_title(track.name, fontsize=10)
            if (panel := shown[column]) is not None:
                _lines(axes[-1], track, panel)
        _label(axes, shown, last=row == len(titles) - 1)
    if latency_ms is not None:
        _histogram(figure.add_subplot(grid[-1, :]), latency_ms)
    return figure


def save(figure: Figure, path: Path, suffix: str) -> None:
    """As `suffix` png or svg: the same figure as the same bytes, so without the date. An SVG's texts stay texts."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "realtime", "svg.fonttype": "none"}):
        figure.savefig(path, format=suffix, dpi=_DPI, metadata={"Date": None} if suffix == "svg" else None)


def _lines(axes: Axes, track: Track, panel: Panel) -> None:
    strokes = [list(dict.fromkeys(line.name for line in panel.lines if line.side == side)) for side in range(3)]
    for line in panel.lines:
        side = "" if SIDES[line.side] == "middle" else f"{SIDES[line.side]} "
        axes.plot(
            track.t_s, line.values, color=_COLOURS[line.side], label=f"{side}{line.name}", linewidth=1.3,
            linestyle=_STROKES[strokes[line.side].index(line.name)],
        )  # fmt: skip


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)


def _label(row: Sequence[Axes], panels: Sequence[Panel | None], *, last: bool) -> None:
    """The row's one y label and legend; what the values are against, once or where it differs; the last row's time."""
    panel = next(panel for panel in panels if panel is not None)
    row[0].set_ylabel(f"{panel.title} ({panel.unit})", fontsize=9)
    if panel.from_zero:
        row[0].set_ylim(bottom=0)
    notes = [one.note if one else panel.note for one in panels]
    for axes, note, before in zip(row, notes, ["", *notes], strict=False):
        if note != before:
            axes.annotate(note, (0, 1), (2, 2), xycoords="axes fraction", textcoords="offset points", fontsize=7.5,
                          color=_GREY, va="bottom")  # fmt: skip
        axes.tick_params(labelleft=axes is row[0], labelbottom=last)
        if last:
            axes.set_xlabel("time (s)", fontsize=9)
    handles = {line.get_label(): line for axes in row for line in axes.get_lines()}
    _legend(row[-1], list(handles.values()))


def _legend(axes: Axes, lines: Sequence[Line2D]) -> None:
    axes.legend(handles=lines, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8, frameon=False,
                handlelength=2.6, borderaxespad=0)  # fmt: skip


def _histogram(axes: Axes, latency_ms: Double) -> None:
    _plain(axes)
    axes.hist(latency_ms, bins="auto" if len(latency_ms) < _FEW else _BINS, color=_COLOURS[2], alpha=0.75)
    lines = [
        axes.axvline(value, color=_COLOURS[0], linestyle=stroke, linewidth=1.3, label=f"{name} {value:.1f} ms")
        for value, name, stroke in zip(np.percentile(latency_ms, (50, 99)), ("p50", "p99"), _STROKES, strict=False)
    ]
    axes.set_xlabel("latency from grab to message (ms)", fontsize=9)
    axes.set_ylabel("frames", fontsize=9)
    _legend(axes, lines)
