"""What is asked alike of whatever lifts for many cameras: one server, or a fleet of them."""

from __future__ import annotations

from typing import Annotated

import typer

Insecure = Annotated[bool, typer.Option("--insecure", help="Open to other machines without keys.")]
MaxFps = Annotated[float, typer.Option(help="Of one stream; frames beyond are left out.")]
Metrics = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Answer Prometheus at http://HOST:PORT/metrics.")
]  # fmt: skip
Engine = Annotated[str, typer.Option(help="What runs the lifter: auto, onnxruntime, torch, tensorrt.")]
Model = Annotated[str, typer.Option(help="The lifter's model: a name or a file.")]
Floor = Annotated[str, typer.Option(metavar="auto|off", help="Learn each camera's floor from feet.")]
StreamPeople = Annotated[int, typer.Option("--people", help="Lift so many people of a stream at most.")]
