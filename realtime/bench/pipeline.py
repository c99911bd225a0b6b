"""`realtime bench pipeline`: MediaPipe alone against the whole line, on the same clip, in turns, in one run."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Annotated, Any

import typer

from engines.errors import UserError
from realtime.bench.spawned import start
from realtime.process.signals import leave_to_parent
from realtime.process.stats import Load

_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class AloneRound:
    """MediaPipe alone: frames, frames a second from the first result to the last, what the process used."""

    frames: int
    fps: float
    cpu_percent: float
    rss_mb: float


def bench_pipeline(
    source: Annotated[str, typer.Option(metavar="FILE|demo", help="A clip: both run it as fast as they can.")] = "demo",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each, in turns.")] = 3,
    frames: Annotated[int, typer.Option(min=10, help="Frames of each round, at most.")] = 200,
    detector: Annotated[str, typer.Option(metavar="lite|full|heavy", help="Size of the pose detector.")] = "full",
    people: Annotated[int, typer.Option(help="How many people to look for.")] = 1,
    model: Annotated[str, typer.Option(help="The lifter's model.")] = "default",
    engine: Annotated[str, typer.Option(help="What runs the lifter.")] = "auto",
) -> None:
    """Measure what lifting and publishing cost: MediaPipe alone against the whole pipeline.

    Example: realtime bench pipeline --source clip.mp4 --rounds 5
    """
    from rich.console import Console
    from rich.progress import track

    from realtime.assets.fetch import fetch
    from realtime.config import DetectorConfig, LifterConfig, RunConfig, SourceConfig, StreamConfig, ViewConfig
    from realtime.sources.address import shown
    from realtime.sources.open_source import video_path

    config = RunConfig(
        source=SourceConfig(name=source, max_speed=True),
        detector=DetectorConfig(size=detector, people=people),
        lifter=LifterConfig(model=model, engine=engine),
        stream=StreamConfig(address="tcp://127.0.0.1:0", rpc_address=None),
        view=ViewConfig(enabled=False),
        frames=frames,
    )
    if video_path(source) is None:
        raise UserError(f"{shown(source)} is a camera or a stream, which gives no second round: give --source a "
                        "video file")  # fmt: skip
    fetch(f"pose-{detector}")  # here, where Ctrl-C ends a download and its time is no round's
    console = Console(stderr=True)
    alone: list[AloneRound] = []
    whole: list[dict[str, Any]] = []
    for turn in track(range(2 * rounds), "rounds", console=console, disable=not console.is_terminal):
        # ABBA: neither is always the one that finds the machine warm.
        if (turn % 4) in (0, 3):
            alone.append(_alone_round(source, detector, people, frames))
        else:
            whole.append(_pipeline_round(config))
    result = compare(source, detector, alone, whole)
    _show(console, result)
    sys.stdout.write(json.dumps(result) + "\n")


def compare(source: str, detector: str, alone: list[AloneRound], whole: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of all rounds: medians, and each round's frames a second."""
    alone_fps, whole_fps = [r.fps for r in alone], [r["fps"] for r in whole]
    stages = whole[-1]["stages_ms"]
    processes = whole[-1]["processes"]
    return {
        "bench": "pipeline", "source": source, "detector": detector, "frames": whole[-1]["frames"],
        "mediapipe_fps": round(median(alone_fps), 2), "pipeline_fps": round(median(whole_fps), 2),
        "ratio": round(median(whole_fps) / median(alone_fps), 4),
        # The best round of each: what is left when other programs on the machine disturb some rounds.
        "best_ratio": round(max(whole_fps) / max(alone_fps), 4),
        "mediapipe_fps_rounds": alone_fps, "pipeline_fps_rounds": whole_fps,
        "published_ratio": min((r["published_ratio"] for r in whole if r["published_ratio"] is not None), default=None),
        "stages_ms": {
            name: {p: round(median(r["stages_ms"][name][p] for r in whole), 3) for p in ("p50", "p99")}
            for name in stages
        },
        "mediapipe_process": {
            "cpu_percent": round(median(r.cpu_percent for r in alone), 1),
            "rss_mb": round(median(r.rss_mb for r in alone), 1),
        },
        "pipeline_processes": {
            name: {
                figure: round(median(r["processes"][name][figure] for r in whole), 1)
                for figure in ("cpu_percent", "rss_mb")
            }
            for name in processes
        },
        "model": whole[-1]["model"], "engine": whole[-1]["engine"],
    }  # fmt: skip


def _pipeline_round(config: Any) -> dict[str, Any]:
    from realtime.session.processes import PROCESSES
    from realtime.session.status import summarise
    from realtime.session.supervisor import Supervisor

    with Supervisor(config, [process for process in PROCESSES if process.name != "viewer"]) as supervisor:
        supervisor.run(lambda _: None)
        if supervisor.interrupted:
            raise KeyboardInterrupt
        return asdict(summarise(supervisor, config.source.name, None))


def _alone_round(source: str, detector: str, people: int, frames: int) -> AloneRound:
    """In a process of its own, as the pipeline's are. Raises UserError where it fails."""
    pipe, process = start(_mediapipe_alone, source, detector, people, frames)
    try:
        if not pipe.poll(_TIMEOUT_S):
            raise UserError(f"MediaPipe alone took over {_TIMEOUT_S:g} s: give fewer --frames")
        answer = pipe.recv()
    except EOFError as error:
        raise UserError("MediaPipe alone ended without figures: try 'realtime doctor'") from error
    finally:
        process.kill()
        process.join()
        pipe.close()
    if isinstance(answer, AloneRound):
        return answer
    raise UserError(str(answer))


def _mediapipe_alone(sender: Connection[Any, Any], source: str, detector: str, people: int, frames: int) -> None:
    leave_to_parent((signal.SIGINT,))  # which kills this process
    # What its C++ says on stderr is nothing that a user can act on.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        sender.send(measure_mediapipe(source, detector, people, frames))
    except UserError as error:
        sender.send(str(error))


def measure_mediapipe(source: str, detector: str, people: int, frames: int) -> AloneRound:
    """What most programs do: read a picture, ask the PoseLandmarker, read the next. Nothing of ours in the loop."""
    import cv2
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision

    from realtime.assets.fetch import fetch
    from realtime.clock import NS_PER_S, monotonic_ns
    from realtime.sources.open_source import video_path

    capture = cv2.VideoCapture(str(video_path(source)))
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(fetch(f"pose-{detector}"))),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=people,
    )
    begun = Load.now()
    done_ns: list[int] = []
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        while len(done_ns) < frames:
            ok, image = capture.read()
            if not ok:
                break
            rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            landmarker.detect_for_video(Image(ImageFormat.SRGB, rgb), round(len(done_ns) * 1000 / 30))
            done_ns.append(monotonic_ns())
        ended = Load.now()
    capture.release()
    if len(done_ns) < 2:
        raise UserError(f"{source} has fewer than two frames: give a longer clip")
    lived_s = (ended.at_ns - begun.at_ns) / NS_PER_S
    fps = (len(done_ns) - 1) * NS_PER_S / (done_ns[-1] - done_ns[0])
    cpu_percent = 100 * (ended.cpu_s - begun.cpu_s) / lived_s
    return AloneRound(len(done_ns), round(fps, 2), round(cpu_percent, 1), round(ended.rss_mb, 1))


def _show(console: Any, result: dict[str, Any]) -> None:
    from rich.table import Table

    from realtime.session.status import STAGE_TEXTS

    table = Table("", "MediaPipe alone", "whole pipeline", "ratio")
    table.add_row("frames a second", f"{result['mediapipe_fps']:.2f}", f"{result['pipeline_fps']:.2f}",
                  f"{result['ratio']:.3f}, best rounds {result['best_ratio']:.3f}")  # fmt: skip
    mediapipe = result["mediapipe_process"]
    table.add_row("mediapipe", f"{mediapipe['cpu_percent']:.0f} % CPU, {mediapipe['rss_mb']:.0f} MB", "", "")
    for name, figures in result["pipeline_processes"].items():
        table.add_row(name, "", f"{figures['cpu_percent']:.0f} % CPU, {figures['rss_mb']:.0f} MB", "")
    for name, text in STAGE_TEXTS.items():
        if name in result["stages_ms"]:
            figures = result["stages_ms"][name]
            table.add_row(text, "", f"p50 {figures['p50']:.2f}  p99 {figures['p99']:.2f} ms", "")
    console.print(table)
