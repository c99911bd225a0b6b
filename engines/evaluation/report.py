"""Scores as tables (Markdown) and as data (JSON)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from engines.evaluation.evaluate import Scores
from engines.evaluation.metrics import Metrics
from engines.evaluation.protocols import PROTOCOLS
from engines.motion.evaluation_set import RATE_HZ

# column, the metric, digits
COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("MPJPE mm", "mpjpe_mm", 1), ("P-MPJPE mm", "p_mpjpe_mm", 1), ("N-MPJPE mm", "n_mpjpe_mm", 1),
    ("MPJVE mm/frame", "mpjve_mm", 2), ("accel mm/frame²", "accel_mm", 2), ("PCK@150 %", "pck150", 1),
    ("AUC %", "auc", 1), ("bone error mm", "bone_error_mm", 1), ("bone jitter mm", "bone_jitter_mm", 1),
    ("within 1σ %", "coverage_1sigma", 1), ("within 2σ %", "coverage_2sigma", 1),
    ("trunk °", "trunk_deg", 1), ("straight limbs °", "straight_deg", 1),
)  # fmt: skip
SWEEPS = {"field of view": "fov", "pitch": "pitch", "distance": "distance", "height": "height"}
PER_STATURE = "height, error per metre of it"


def header(*first: str) -> tuple[str, ...]:
    return (*first, *(column for column, _, _ in COLUMNS))


def cells(metrics: Metrics) -> tuple[str, ...]:
    return tuple(_number(getattr(metrics, name), digits) for _, name, digits in COLUMNS)


def overview(scores: Sequence[Scores]) -> list[tuple[str, ...]]:
    """Rows: protocol, look-ahead, its delay, then every metric."""
    return [
        (one.protocol, str(one.lookahead), f"{one.lookahead / RATE_HZ * 1e3:.0f}", *cells(one.metrics))
        for one in scores
    ]


def spreads(scores: Sequence[Scores]) -> dict[str, float]:
    """How much N-MPJPE varies along each sweep, in per cent of its least: 100 (max / min - 1). Look-ahead 0.

    A scaled body seen from as many times further gives the same rays, so its error in mm grows with it: for heights
    the error per metre of stature is given too.
    """
    out = {}
    for label, start in SWEEPS.items():
        values = {
            one.protocol: one.metrics.n_mpjpe_mm
            for one in scores
            if one.protocol.startswith(start) and not one.protocol.endswith("-assumed") and one.lookahead == 0
        }
        if len(values) > 1:
            out[label] = _spread(list(values.values()))
            if label == "height":
                out[PER_STATURE] = _spread([mm / int(name.removeprefix(start)) for name, mm in values.items()])
    return out


def _spread(values: Sequence[float]) -> float:
    return 100 * (max(values) / min(values) - 1)


def as_data(about: dict[str, str], scores: Sequence[Scores]) -> dict[str, Any]:
    """JSON-ready; what could not be measured is null."""
    rows: Any = [one.as_dict() for one in scores]
    return {**about, "scores": _null(rows), "n_mpjpe_spread_percent": spreads(scores)}


def as_markdown(about: dict[str, str], scores: Sequence[Scores]) -> str:
    parts = ["# Evaluation", *(f"- {key}: {value}" for key, value in about.items()), ""]
    parts += table(header("protocol", "look-ahead", "delay ms"), overview(scores))
    known = [one for one in dict.fromkeys(score.protocol for score in scores) if one in PROTOCOLS]
    parts += ["", *(f"- `{name}`: {PROTOCOLS[name].about}" for name in known)]
    for label, percent in spreads(scores).items():
        parts.append(f"- N-MPJPE varies by {percent:.0f} % over {label}")
    for one in scores:
        parts += ["", f"## {one.protocol}, look-ahead {one.lookahead}", ""]
        parts += table(header("action", "frames"), _by_action(one))
        facing = [(name, _number(mm, 1)) for name, mm in one.by_facing_mm.items()]
        parts += ["", *table(("facing", "MPJPE mm"), facing)]
        parts += ["", *table(("joint", "MPJPE mm"), [(j, _number(mm, 1)) for j, mm in one.by_joint_mm.items()])]
    return "\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def _by_action(one: Scores) -> list[tuple[str, ...]]:
    return [(action, str(metrics.frames), *cells(metrics)) for action, metrics in one.by_action.items()]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_null(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
