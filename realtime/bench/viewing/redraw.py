"""`realtime bench redraw`: how many pictures a second the viewer's window makes here."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer

from realtime.clock import NS_PER_MS, monotonic_ns
from realtime.wire.messages import PersonPose, PoseMessage

_STEP_NS = 33_333_333
_WARM = 5  # pictures before the first that counts
# Facing the camera, camera axes (x right, y down, z forward), relative to the hip.
_STANDING_M = np.array((
    (0, 0, 0), (-.13, 0, 0), (-.14, .44, 0), (-.14, .88, 0), (.13, 0, 0), (.14, .44, 0), (.14, .88, 0), (0, -.24, 0),
    (0, -.50, 0), (0, -.58, 0), (0, -.70, 0), (.17, -.46, 0), (.24, -.18, 0), (.27, .06, 0), (-.17, -.46, 0),
    (-.24, -.18, 0), (-.27, .06, 0)), np.float32)  # fmt: skip
_SWING_M = {3: .30, 6: -.30, 2: .15, 5: -.15, 13: .25, 16: -.25, 12: .12, 15: -.12}  # joint -> how far, fore and aft


@dataclass(frozen=True, slots=True)
class _Stream:
    """What a window asks of a subscriber."""

    rate_hz: float = 30.0
    address: str = "nowhere"


def bench_redraw(
    people: Annotated[str, typer.Option(help="How many, one window each.")] = "1,8",
    pictures: Annotated[int, typer.Option(min=1, help="Drawn in each.")] = 120,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the window, in pixels.")] = "1280x720",
) -> None:
    """Measure the redraw of the viewer's window, people walking in it. Needs a display. Last line: one JSON object.

    Example: xvfb-run -s '-screen 0 1400x900x24' realtime bench redraw
    """
    from engines.errors import UserError
    from realtime.config import parse_size
    from realtime.view.display import has_display

    if not has_display():
        raise UserError("no display for a window: run it on a desktop, or under xvfb-run")
    try:
        counts = [int(part) for part in people.split(",")]
    except ValueError as error:
        raise UserError(f"--people {people}: give whole numbers, as 1,8") from error
    rows = [_measure(count, pictures, parse_size(size)) for count in counts]
    for row in rows:
        sys.stderr.write(f"{row['people']} people: {row['mean_ms']} ms, {row['per_s']} pictures a second\n")
    sys.stdout.write(json.dumps({"bench": "redraw", "size": size, "rows": rows}) + "\n")


def _measure(people: int, pictures: int, size_wh: tuple[int, int]) -> dict[str, Any]:
    from realtime.view.picture import Show
    from realtime.view.scene.stage import Stage
    from realtime.view.window import Window

    took_ms = np.zeros(pictures)
    with Stage(size_wh, window=True) as stage:
        window = Window(stage, None, Show("3d"))
        for index in range(_WARM):
            window.show(walkers(index, people), _Stream())
        cpu_s = time.process_time()
        for index in range(pictures):
            began_ns = monotonic_ns()
            window.show(walkers(index + _WARM, people), _Stream())
            took_ms[index] = (monotonic_ns() - began_ns) / NS_PER_MS
        cpu_s = time.process_time() - cpu_s
    return {
        "people": people, "mean_ms": round(float(took_ms.mean()), 2), "p50_ms": round(float(np.median(took_ms)), 2),
        "cpu_ms": round(1000 * cpu_s / pictures, 2), "per_s": round(1000 / float(took_ms.mean()), 1),
        "computed": stage.computed,
    }  # fmt: skip


def walkers(index: int, people: int) -> PoseMessage:
    """The message of one moment: people side by side who walk on the spot, each in a step of their own."""
    persons = []
    ones = np.ones(len(_STANDING_M), np.float32)
    for number in range(people):
        joints_m = _STANDING_M.copy()
        swing = np.sin(2 * np.pi * (index / 30 + number / max(1, people)))
        for joint, reach_m in _SWING_M.items():
            joints_m[joint, 2] += np.float32(reach_m * swing)
        root_m = np.array((1.2 * (number - (people - 1) / 2), 0.1, 4 + number % 2 / 2), np.float32)
        persons.append(PersonPose(number, joints_m, root_m, 0.03 * ones, ones, 0, 1.0, held=False))
    t_ns = index * _STEP_NS
    return PoseMessage("main", "bench", index, index, t_ns, t_ns, (640, 480), "camera", "assumed", "h36m-17", "",
                       "none", "none", 0, 0, tuple(persons))  # fmt: skip
