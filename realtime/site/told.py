"""What each process of a site is told. Light: a process that begins reads it before it can give a sign of life."""

from __future__ import annotations

from dataclasses import dataclass, replace

from realtime.config import RunConfig
from realtime.serve.options import ServeOptions
from realtime.site.config import LAYOUT, CameraConfig, SiteConfig


@dataclass(frozen=True, slots=True)
class CameraTold:
    """What a camera's producer is told."""

    config: RunConfig
    stream: str
    intake: str


@dataclass(frozen=True, slots=True)
class LifterTold:
    """What the lifter is told."""

    config: SiteConfig
    options: ServeOptions


def told_camera(config: SiteConfig, one: CameraConfig, intake: str) -> CameraTold:
    run = RunConfig(source=one.source, detector=config.detector, frames=config.frames)
    return CameraTold(run, one.name, intake)


def told_lifter(config: SiteConfig, intake: str) -> LifterTold:
    return LifterTold(config, ServeOptions(
        intake, streams=len(config.camera), people=config.detector.people, max_fps=120.0, most_busy=1.0,
        floor=config.floor, stream=config.stream, lifter=config.lifter, cameras=config.cameras, open_intake=True,
    ))  # fmt: skip


def told_viewer(config: SiteConfig) -> RunConfig:
    """It shows the fused stream, or else the first camera's. The lifter is there to be checked with it."""
    shown = config.stream.name if config.cameras is not None else config.camera[0].name
    return RunConfig(
        stream=replace(config.stream, name=shown), lifter=config.lifter, view=replace(config.view, layout=LAYOUT)
    )
