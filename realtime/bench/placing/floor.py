"""`realtime bench floor`: how well the floor is learned by itself, and whether a moved camera is noticed."""

from __future__ import annotations

import json
from math import isfinite, nan
from pathlib import Path
from typing import Annotated, Any

import typer

# the wanted limits: kind of scene, measure, largest, for so many in a hundred
LIMITS = (
    ("walk", "up_error_deg", 2.0, 90), ("walk", "floor_error_percent", 5.0, 90),
    ("walk", "height_error_percent", 5.0, 90), ("stand", "up_error_deg", 2.0, 90),
    ("stand", "floor_error_percent", 5.0, 90), ("stand", "height_error_percent", 5.0, 90),
    ("walk, then stand", "up_error_deg", 2.0, 90), ("walk, then stand", "floor_error_percent", 5.0, 90),
    ("walk, then stand", "height_error_percent", 5.0, 90), ("walk, then stand", "feet_off_floor_mm", 30.0, 50),
    ("walk, then stand", "stance_speed_m_s", 0.08, 50),
)  # fmt: skip
NOTICED_S = 3.0
Row = dict[str, Any]


def bench_floor(
    mocap: Annotated[Path, typer.Option(help="An npz of clips (T, 17, 3) at 120 Hz, y up.")],
    walks: Annotated[str, typer.Option(help="Straight walks in it, by key; held-out subjects.")] = (
        "06_01,10_04,08_01,08_02,08_03,08_04,08_05,08_06,08_07,08_08,08_09,08_10,08_11"
    ),
    stands: Annotated[str, typer.Option(help="People who stand and gesture.")] = "13_07,13_08,13_09,14_12",
    count: Annotated[int, typer.Option(min=1, help="Scenes of each kind.")] = 40,
    model: Annotated[str, typer.Option(help="The lifter.")] = "default",
    table: Annotated[bool, typer.Option("--table", help="Show every scene.")] = False,
) -> None:
    """Measure the learned floor: pitch -30 to 30, roll to 10 degrees, 0.5 to 3 m up, 1 to 3 people, one on a box.

    People are as large as the body that is assumed. Last line: one JSON object.

    Example: realtime bench floor --mocap cmu_17j_120fps.npz
    """
    import sys

    from rich.console import Console

    from engines.lifting.load_lifter import load_lifter
    from realtime.bench.placing.floor_cases import MOVES, SECONDS, long_scenes, measure, moved, scenes
    from realtime.bench.placing.table import show

    clips = _clips(mocap, walks, stands)
    with Console(stderr=True).status("measuring"), load_lifter(model) as lifter:
        rows = [measure(scene, lifter, seed) for kind in SECONDS
                for seed, scene in enumerate(scenes(*clips, kind, count))]  # fmt: skip
        shifts = [moved(scene, move, lifter, seed) for seed, scene in enumerate(long_scenes(*clips, max(count // 3, 1)))
                  for move in MOVES]  # fmt: skip
    met = [_met(rows, *limit) for limit in LIMITS] + [_noticed(shifts, move) for move in MOVES]
    for shown in (rows, shifts) if table else ():
        show(shown)
    show(met)
    sys.stdout.write(json.dumps({"bench": "floor", "model": model, "scenes": rows, "moves": shifts, "met": met}) + "\n")


def _clips(mocap: Path, walks: str, stands: str) -> tuple[list[Any], list[Any]]:
    from realtime.bench.placing.mocap_clips import read_clips

    walking, standing = walks.split(","), stands.split(",")
    clips = read_clips(mocap, [*walking, *standing], "--walks and --stands")
    return [clips[key] for key in walking], [clips[key] for key in standing]


def _met(rows: list[Row], kind: str, measure: str, limit: float, percent: int) -> Row:
    """How many scenes keep the limit; what was not published (no floor known in time) is not counted."""
    values = [row[measure] for row in rows if row["kind"] == kind and isfinite(row.get(measure, nan))]
    within = 100 * sum(value <= limit for value in values) / max(len(values), 1)
    ordered = sorted(values) or [float("nan")]
    return {"of": kind, "measure": measure, "limit": limit, "scenes": len(values), "within_percent": within,
            "median": ordered[len(ordered) // 2], "wanted_percent": percent, "met": within >= percent}  # fmt: skip


def _noticed(rows: list[Row], move: str) -> Row:
    late = [row["noticed_after_s"] for row in rows if row["move"] == move]
    within = 100 * sum(seconds <= NOTICED_S for seconds in late) / max(len(late), 1)
    known = sorted(seconds for seconds in late if seconds == seconds) or [float("nan")]
    return {"of": move, "measure": "noticed_after_s", "limit": NOTICED_S, "scenes": len(late), "within_percent": within,
            "median": known[len(known) // 2], "wanted_percent": 90, "met": within >= 90}  # fmt: skip
