"""The tables of `realtime bench lifter`."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from realtime.bench.lifter_cases import Case
from realtime.bench.step.limit import Limit

_WIDTH = 120


def peak_gflops(limit: Limit, cases: list[Case], threads: int) -> float:
    """What nothing in this run went beyond with so many threads: no product alone, and no case at its best."""
    return max([limit.best[1], *(case.gflops(0) for case in cases if case.threads == threads)])


def show_cases(cases: list[Case], limits: dict[int, Limit], peaks: dict[int, float]) -> None:
    table = Table(title="one frame of one stream")
    for heading in ("model", "C", "engine", "threads", "batch"):
        table.add_column(heading, no_wrap=True)
    for heading in ("best ms", "p50 ms", "p95 ms", "CPU ms", "M mult-adds", "of limit", "state MB"):
        table.add_column(heading, justify="right")
    for case in sorted(cases, key=lambda case: (case.kind, case.threads, case.engine, case.frames, case.channels)):
        table.add_row(
            case.model, str(case.channels), case.engine, str(case.threads), str(case.batch),
            *(f"{case.percentile_ms(q):.3f}" for q in (0, 50, 95)), f"{case.cpu_ms():.3f}",
            f"{case.multiply_adds / 1e6:.1f}", f"{case.gflops() / peaks[case.threads]:.0%}",
            f"{case.state_bytes / 1e6:.2f}",
        )  # fmt: skip
    console = Console(width=_WIDTH)
    console.print(table)
    for threads, limit in limits.items():
        name, gflops = limit.best
        of_cases = peaks[threads] > gflops
        console.print(f"limit, {threads} thread{'s' * (threads > 1)}: {peaks[threads]:.0f} GFLOP/s"
                      f" ({'a case at its best; products ' if of_cases else ''}{name}{f' {gflops:.0f}' * of_cases});"
                      f" copying {limit.copy_gb_s:.1f} GB/s")  # fmt: skip


def show_parts(frame: dict[str, Any], graphs: list[dict[str, Any]], peak: float, multiply_adds: int) -> None:
    """Of one frame with one person, and of the graph's run in it. `peak` in GFLOP/s."""
    console = Console(width=_WIDTH)
    parts_us = frame["parts_us"]
    whole = Table(title="one person, keypoints to message")
    for heading in ("part", "us", "share"):
        whole.add_column(heading, justify="left" if heading == "part" else "right")
    for part, took_us in parts_us.items():
        whole.add_row(part, f"{took_us:.1f}", f"{took_us / sum(parts_us.values()):.0%}")
    console.print(whole)
    console.print(f"a whole frame unwatched {frame['whole_us']:.0f} us, watching adds {frame['watching_us']:.0f} us")
    table = Table(title="one run of the step's graph")
    for heading in ("batch", "us", "at the limit", "calls of nodes", "nodes", "what is left, by kind of node"):
        table.add_column(heading, justify="left" if heading.startswith("what") else "right")
    for graph in graphs:
        kinds = sorted(graph["nodes_us"].items(), key=lambda item: -item[1])[:6]
        at_limit_us = 2e-3 * multiply_adds * graph["batch"] / peak
        table.add_row(
            str(graph["batch"]), f"{graph['run_us']:.1f}", f"{at_limit_us:.1f}", f"{graph['calls_us']:.1f}",
            str(graph["nodes"]), ", ".join(f"{kind} {took_us:.1f}" for kind, took_us in kinds),
        )  # fmt: skip
    console.print(table)
