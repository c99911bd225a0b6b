"""What `realtime bench serve` measures: a server in one process, light producers in another, one number in turns."""

from __future__ import annotations

import os
import threading
import time
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import numpy as np

from engines.errors import UserError
from realtime.bench.serving.load import load
from realtime.bench.spawned import start
from realtime.config import StreamConfig
from realtime.process.signals import leave_to_parent
from realtime.serve.options import ServeOptions
from realtime.serve.server import Server
from realtime.wire.joining import FULL

FPS = 30.0
LOOPBACK = "tcp://127.0.0.1:*"
_ANSWER_S = 300.0
_MEASURES = ("cpu_ms", "cores", "batch", "left_out", "refusals", "added_p50_ms", "added_p99_ms")


def measure(counts: list[int], seconds: float, rounds: int, floor: str, wanted_ms: float) -> dict[str, Any]:
    """Every count in each round, then the largest that keeps its latency with half as many refused beside it."""
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            found[count].append(_case(count, 0, seconds, floor))
    cases = [_of_rounds(count, 0, found[count]) for count in counts]
    good = [case for case in cases if case["added_p99_ms"] <= wanted_ms and case["left_out"] < 0.001]
    limit = max((case["streams"] for case in good), default=counts[0])
    refused = max(1, limit // 2)
    beyond = _of_rounds(limit, refused, [_case(limit, refused, seconds, floor) for _ in range(rounds)])
    at_limit = next(case for case in cases if case["streams"] == limit)
    return {
        "bench": "serve", "fps": FPS, "floor": floor, "wanted_p99_ms": wanted_ms, "cases": cases, "beyond": beyond,
        "streams_within_latency": limit if good else 0,
        "streams_of_processor_time": int(1000 / FPS / at_limit["cpu_ms"]),
        "cost_at_limit_over_isolated": round(at_limit["cpu_ms"] / cases[0]["cpu_ms"], 3),
        "p99_beyond_over_at_limit": round(beyond["added_p99_ms"] / at_limit["added_p99_ms"], 3),
        "cpus": os.cpu_count(), "load_average": [round(value, 2) for value in os.getloadavg()],
    }  # fmt: skip


def _of_rounds(count: int, refused: int, rounds: list[dict[str, float]]) -> dict[str, Any]:
    medians = {name: round(median(one[name] for one in rounds), 4) for name in _MEASURES}
    return {"streams": count, "refused": refused, **medians, "p99_rounds_ms": [one["added_p99_ms"] for one in rounds]}


def _case(count: int, refused: int, seconds: float, floor: str) -> dict[str, float]:
    """A server of so many places, and so many producers with a place; others keep asking for one."""
    server, serving = start(_serve, count, floor)
    try:
        intake, address = _answer(server)
        producers, loading = start(load, intake, address, count, refused, FPS, seconds)
        try:
            _answer(producers)  # all have joined, and are warm
            server.send("begin")
            latencies_ms = _answer(producers)
            server.send("end")
            figures = _answer(server)
        finally:
            loading.kill()
            loading.join()
    finally:
        serving.kill()
        serving.join()
    p50, p99 = (float(np.percentile(latencies_ms, percent)) for percent in (50, 99))
    return {**figures, "added_p50_ms": round(p50, 3), "added_p99_ms": round(p99, 3)}


def _answer(pipe: Connection[Any, Any]) -> Any:
    """Raises UserError where the process has ended instead."""
    try:
        if pipe.poll(_ANSWER_S):
            return pipe.recv()
    except EOFError as error:
        raise UserError("a process of the benchmark ended without figures: try 'realtime doctor'") from error
    raise UserError(f"a process of the benchmark said nothing for {_ANSWER_S:g} s: give fewer --streams")


def _serve(pipe: Connection[Any, Any], streams: int, floor: str) -> None:
    leave_to_parent()
    options = ServeOptions(
        LOOPBACK, streams, floor=floor, most_busy=1.0, stream=StreamConfig(LOOPBACK, LOOPBACK)
    )  # fmt: skip
    stop = threading.Event()
    with Server(options) as server:
        pipe.send((server.intake_address, server.address))
        threading.Thread(target=_report, args=(pipe, server, stop), daemon=True).start()
        server.run(stop)


def _report(pipe: Connection[Any, Any], server: Server, stop: threading.Event) -> None:
    """Waits for `begin` and `end`, and tells what was used in between; ends the server with its parent."""
    try:
        pipe.recv()
        figures, begun_s, cpu_s = server.figures, time.monotonic(), time.process_time()
        before = figures.frames, figures.rounds, figures.left_out, figures.refusals[FULL]
        pipe.recv()
        passed_s, used_s = time.monotonic() - begun_s, time.process_time() - cpu_s
        after = figures.frames, figures.rounds, figures.left_out, figures.refusals[FULL]
        frames, rounds, left_out, refusals = (now - then for now, then in zip(after, before, strict=True))
        pipe.send({
            "cpu_ms": 1000 * used_s / max(1, frames), "cores": used_s / passed_s, "batch": frames / max(1, rounds),
            "left_out": left_out / max(1, frames + left_out), "refusals": refusals,
        })  # fmt: skip
        pipe.recv()
    except EOFError:
        stop.set()
