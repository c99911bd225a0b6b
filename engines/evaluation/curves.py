"""The look-ahead curve: what waiting for later frames buys, as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engines.evaluation.evaluate import Scores
from engines.motion.evaluation_set import RATE_HZ


def plot_lookaheads(scores: Sequence[Scores], path: Path) -> None:
    """MPJPE and MPJVE over the delay in ms, one line a protocol. Written to `path` in one go."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from engines.write_aside import write_aside

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2)
    for panel, name, label in zip(panels, ("mpjpe_mm", "mpjve_mm"), ("MPJPE, mm", "MPJVE, mm a frame"), strict=True):
        for number, protocol in enumerate(dict.fromkeys(one.protocol for one in scores)):
            line = sorted((one.lookahead, getattr(one.metrics, name)) for one in scores if one.protocol == protocol)
            style = ("o-", "s--", "^:")[number // 10 % 3]  # the colours begin again after ten
            panel.plot([1e3 * k / RATE_HZ for k, _ in line], [value for _, value in line], style, label=protocol)
        panel.set(xlabel="delay, ms", ylabel=label)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    write_aside(path, lambda aside: figure.savefig(aside, format="png", dpi=120))
