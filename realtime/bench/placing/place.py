"""`realtime bench place`: how true the metres are. Lenses from rendered boards, floors and roots from known walks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

# the wanted limits: (rows, key, largest, only where keypoints are of this quality)
LIMITS = (
    ("boards", "focal_error_percent", 0.5, None), ("boards", "centre_error_px", 3.0, None),
    ("boards", "rms_px", 0.3, None),
    ("walks", "normal_error_deg", 1.5, None), ("walks", "height_error_percent", 3.0, None),
    ("walks", "root_error_percent", 3.0, "perfect"), ("walks", "root_error_percent", 5.0, "noisy"),
    ("walks", "root_error_with_floor_percent", 3.0, "perfect"),
    ("walks", "root_error_with_floor_percent", 5.0, "noisy"),
    ("walks", "feet_off_floor_mm", 30.0, None), ("guesses", "error_deg", 8.0, None),
)


def bench_place(
    mocap: Annotated[
        Path | None, typer.Option(help="An npz of clips (T, 17, 3) at 120 Hz, y up; without it only boards are used.")
    ] = None,
    clips: Annotated[str, typer.Option(help="Straight walks in it, by key; held-out subjects.")] = "08_03,10_04,06_01",
    model: Annotated[str, typer.Option(help="The lifter.")] = "default",
    boards: Annotated[bool, typer.Option(help="Render boards and calibrate from them.")] = True,
) -> None:
    """Measure calibration and placement against known truth; each figure's worst case. Last line: one JSON object.

    Example: realtime bench place --mocap cmu_17j_120fps.npz
    """
    import sys

    from rich.console import Console

    from engines.errors import UserError
    from realtime.bench.placing.mocap_clips import read_clips
    from realtime.bench.placing.place_cases import board_rows, guess_rows, root_cost_us, walk_rows
    from realtime.bench.placing.table import show

    if not boards and mocap is None:
        raise UserError("nothing to measure: add --mocap")
    rows: dict[str, list[dict[str, Any]]] = {}
    with Console(stderr=True).status("measuring"):
        if boards:
            rows["boards"] = list(board_rows())
        if mocap is not None:
            chosen = read_clips(mocap, clips.split(","), "--clips")
            rows["walks"] = list(walk_rows(chosen, model))
            rows["guesses"] = list(guess_rows(chosen, model))
        costs = {str(people): root_cost_us(people) for people in (1, 8)}
    for name, table in rows.items():
        show(table, name)
    worst = [_worst(rows[name], name, key, limit, quality) for name, key, limit, quality in LIMITS if name in rows]
    show(worst, "worst cases")
    result = {"bench": "place", "model": model, **rows, "worst": worst, "place_root_us": costs}
    sys.stdout.write(json.dumps(result) + "\n")


def _worst(rows: list[dict[str, Any]], name: str, key: str, limit: float, quality: str | None) -> dict[str, Any]:
    values = [row[key] for row in rows if quality is None or row["keypoints"] == quality]
    return {"of": name, "measure": key, "keypoints": quality or "all", "worst": max(values), "limit": limit,
            "met": bool(max(values) <= limit)}
