"""`realtime bench`: every figure the project claims, measured here. The last line of each is one JSON object."""

from __future__ import annotations

import typer

from realtime.bench.engines import bench_engines
from realtime.bench.fusion import bench_fusion
from realtime.bench.lifter import bench_lifter
from realtime.bench.pipeline import bench_pipeline
from realtime.bench.placing.floor import bench_floor
from realtime.bench.placing.place import bench_place
from realtime.bench.placing.upright import bench_upright
from realtime.bench.serving.directory import bench_directory
from realtime.bench.serving.fleet import bench_fleet
from realtime.bench.serving.serve import bench_serve
from realtime.bench.stream import bench_stream
from realtime.bench.tails import bench_tails
from realtime.bench.training import bench_training
from realtime.bench.viewing.redraw import bench_redraw

app = typer.Typer(no_args_is_help=True, help="Measure the project's claims here; last line: one JSON object.")
for _command in (
    bench_pipeline, bench_lifter, bench_tails, bench_stream, bench_serve, bench_place, bench_floor, bench_engines,
    bench_training, bench_directory, bench_fleet, bench_fusion, bench_redraw, bench_upright,
):  # fmt: skip
    app.command(_command.__name__.removeprefix("bench_"))(_command)
