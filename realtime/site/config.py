"""What a session of several cameras can be told: a TOML file with a [[camera]] table each."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.errors import UserError
from engines.toml_config import build, read_toml
from realtime.config import DetectorConfig, LifterConfig, SourceConfig, StreamConfig, ViewConfig, check_ends
from realtime.wire.framing import POSE, topic

MOST_CAMERAS = 16
_OF_ONE = ("realtime_priority",)  # settings of a session of one camera
LAYOUT = "3d"  # of the room, which no one camera's picture shows


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera. Its poses are published under its name, which is also its name in the file of cameras."""

    name: str
    source: SourceConfig = field(default_factory=SourceConfig)

    def __post_init__(self) -> None:
        topic(POSE, self.name)  # raises for a name that cannot be a stream's


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """Raises UserError for cameras that cannot be told apart, or are too many."""

    camera: tuple[CameraConfig, ...]
    cameras: Path | None = None  # of `realtime calibrate cameras`; None: nothing is fused
    detector: DetectorConfig = field(default_factory=DetectorConfig)  # of each camera
    lifter: LifterConfig = field(default_factory=LifterConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)  # its name is that of the fused stream
    view: ViewConfig = field(default_factory=ViewConfig)
    floor: str = "auto"  # of cameras whose place is not known
    frames: int | None = None  # of each camera
    duration_s: float | None = None
    metrics: str | None = None  # HOST:PORT of /metrics for Prometheus; None: nobody answers

    def __post_init__(self) -> None:
        names = [one.name for one in self.camera]
        if not 1 <= len(names) <= MOST_CAMERAS:
            raise UserError(f"a site has 1 to {MOST_CAMERAS} [[camera]] tables, not {len(names)}")
        twice = [name for name in names if names.count(name) > 1]
        if twice or (self.cameras is not None and self.stream.name in names):
            which = twice[0] if twice else self.stream.name
            raise UserError(f"two streams would be named '{which}': give each [[camera]] a name of its own, other than "
                            "that of the fused stream (stream.name)")  # fmt: skip
        check_ends(self.frames, self.duration_s)
        if self.stream.follow is not None:
            raise UserError("one person alone cannot be followed with several cameras yet: leave out stream.follow "
                            "(--follow)")  # fmt: skip


def is_site(path: Path) -> bool:
    """Whether a file of settings has [[camera]] tables. Raises UserError where it cannot be read."""
    return "camera" in read_toml(path)


def load_site(path: Path, flags: Mapping[str, Any]) -> SiteConfig:
    """The file's values, then the flags that are not None, named as in `realtime.config.load_config`.

    Raises UserError for an unreadable file, an unknown name, a value of the wrong type or out of range.
    """
    tree = read_toml(path)
    for name, value in flags.items():
        if value is None:
            continue
        section, dot, key = ("", "", "floor") if name == "place.floor" else name.rpartition(".")
        if name in _OF_ONE:
            raise UserError(f"{path} has several cameras, which have no --{name.replace('_', '-')} yet: leave it out")
        if section in ("source", "place"):
            raise UserError(f"{path} has several cameras: say in its [[camera]] tables what is to hold for which one "
                            f"({name})")  # fmt: skip
        (tree.setdefault(section, {}) if dot else tree)[key] = value
    view = tree.get("view")
    if isinstance(view, dict) and view.get("layout", LAYOUT) != LAYOUT:
        raise UserError(f"{path} has several cameras, whose pictures are not drawn: leave out --layout "
                        f"{view['layout']} (view.layout), or choose {LAYOUT}")  # fmt: skip
    for camera in tree["camera"] if isinstance(tree["camera"], list) else ():
        if isinstance(camera, dict) and isinstance(camera.get("source"), str):
            camera["source"] = {"name": camera["source"]}
    return typing.cast(SiteConfig, build(SiteConfig, tree, str(path)))
