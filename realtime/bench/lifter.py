"""`realtime bench lifter`: what a pose costs, paper's model and streaming model side by side in one run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from realtime.bench.lifter_cases import Case
    from realtime.bench.step.limit import Limit


def bench_lifter(
    frames: Annotated[str, typer.Option(help="Windows of the paper's model to time.")] = "27,81,243",
    channels: Annotated[str, typer.Option(help="Widths of the streaming model to time.")] = "48,64,96,128",
    batch: Annotated[str, typer.Option(help="Streams stepped in one call (the paper's model: one).")] = "1,8,32",
    engines: Annotated[str, typer.Option(help="Engines to time.")] = "onnxruntime,torch",
    threads: Annotated[str, typer.Option(help="Thread counts to time.")] = "1",
    rounds: Annotated[int, typer.Option(min=1, help="Times everything is run in turn.")] = 20,
    soak: Annotated[int, typer.Option(min=0, help="Steps over which memory growth is watched.")] = 100_000,
) -> None:
    r"""Time whole pushes (keypoints in, poses out) of every model, engine, batch and thread count, interleaved.

    Reports time, arithmetic and its share of the limit (the most that any installed engine reaches in the same run),
    where the time of one frame and of one step goes, and memory. The last line is one JSON object. Needs the extra
    \[train].

    Example: realtime bench lifter --threads 1 --engines onnxruntime
    """
    import sys
    import tempfile

    from rich.console import Console
    from rich.progress import Progress

    from engines.models.checkpoint import require_torch
    from realtime.bench.lifter_cases import models, open_case, resident_growth_bytes, time_in_turn
    from realtime.bench.lifter_tables import peak_gflops, show_cases, show_parts
    from realtime.bench.step.frame_parts import frame_parts
    from realtime.bench.step.graph_parts import graph_parts
    from realtime.bench.step.limit import measure_limit

    require_torch("realtime bench lifter")
    counts = _numbers(threads)
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True), transient=True) as bar:
        opening = bar.add_task("loading", total=None)
        cases = [
            open_case(path, card, engine, count, size)
            for path, card in models(Path(folder), _numbers(frames), _numbers(channels))
            for engine in engines.split(",")
            for count in counts
            for size in (_numbers(batch) if card.kind == "stream-gla-gcn" else [1])
        ]
        bar.remove_task(opening)
        timing = bar.add_task("timing", total=rounds)
        limits = {count: measure_limit(count) for count in counts}
        time_in_turn(cases, rounds, lambda: bar.advance(timing))
        limits = {count: limit.with_more(measure_limit(count)) for count, limit in limits.items()}
        frame = frame_parts(frames=100 * rounds)
        graphs = [graph_parts(batch=size, threads=counts[0], blocks=rounds) for size in _numbers(batch)]
        soaking = bar.add_task("watching memory", total=soak * 1.1)
        growth = resident_growth_bytes(cases[0].lifter, soak, lambda step: bar.update(soaking, completed=step))
    peaks = {count: peak_gflops(limit, cases, count) for count, limit in limits.items()}
    show_cases(cases, limits, peaks)
    show_parts(frame, graphs, peaks[counts[0]], cases[0].multiply_adds)
    parts = {"frame": frame, "graphs": graphs}
    sys.stdout.write(json.dumps(_summary(cases, limits, peaks, growth, soak) | parts) + "\n")


def _numbers(text: str) -> list[int]:
    from engines.errors import UserError

    numbers = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(numbers) != text.count(",") + 1 or min(numbers) < 1:
        raise UserError(f"{text!r} is not a list of whole numbers above 0: write for instance 1,8,32")
    return numbers


def _summary(
    cases: list[Case], limits: dict[int, Limit], peaks: dict[int, float], growth: int, soak: int
) -> dict[str, Any]:
    rows = [{
        "model": case.model, "kind": case.kind, "frames": case.frames, "channels": case.channels,
        "engine": case.engine, "threads": case.threads, "batch": case.batch,
        **{f"{name}_ms": round(case.percentile_ms(q), 4) for name, q in (("best", 0), ("p50", 50), ("p95", 95))},
        "cpu_ms": round(case.cpu_ms(), 4), "gflops": round(case.gflops(), 1), "multiply_adds": case.multiply_adds,
        "of_peak": round(case.gflops() / peaks[case.threads], 5), "state_bytes": case.state_bytes,
    } for case in cases]  # fmt: skip
    claims: dict[str, float | int] = {"soak_steps": soak, "growth_bytes": growth}
    alone = [case for case in cases if case.threads == 1 and case.engine == "onnxruntime"]
    shipped = {case.batch: case for case in alone if case.model == cases[0].model}
    paper = [case for case in alone if case.kind == "gla-gcn"]
    if 1 in shipped:
        one = shipped[1]
        claims |= {"step_p50_ms": round(one.percentile_ms(50), 4), "step_cpu_ms": round(one.cpu_ms(), 4)}
        for case in paper:
            claims[f"times_cheaper_than_{case.model}"] = round(case.percentile_ms(50) / one.percentile_ms(50), 1)
            claims[f"times_less_cpu_than_{case.model}"] = round(case.cpu_ms() / one.cpu_ms(), 1)
    if shipped:
        most = shipped[max(shipped)]
        claims[f"batch_{most.batch}_p50_ms_per_stream"] = round(most.percentile_ms(50), 4)
        claims[f"batch_{most.batch}_cpu_ms_per_stream"] = round(most.cpu_ms(), 4)
        claims["streams_at_30_fps_on_one_core"] = int(1000 / 30 / most.percentile_ms(50))
    load = [round(value, 2) for value in os.getloadavg()]
    return {"bench": "lifter", "peak_gflops": {str(count): round(peak, 1) for count, peak in peaks.items()},
            "limits": {str(count): asdict(limit) for count, limit in limits.items()},
            "cpus": os.cpu_count(), "load_average": load, "claims": claims, "cases": rows}  # fmt: skip
