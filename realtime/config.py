"""Everything a session can be told: frozen sections, from one TOML file with the command line's flags on top."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.errors import UserError
from engines.toml_config import build, read_toml
from realtime.ring.ring import MAX_PEOPLE
from realtime.sources.pipe import STANDARD_INPUT, standard_input
from realtime.wire.framing import ENCODINGS, POSE, topic

LAYOUTS = ("inset", "side", "3d")
MAX_FILE_FPS = 10_000  # the fastest cameras whose films are of people
DETECTOR_SIZES = ("lite", "full", "heavy")
_OWN_DETECTOR = re.compile(r"rtmpose|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
AUTO = "auto"  # the largest detector that keeps up
FLOORS = ("auto", "off")
FOLLOW = ("nearest", "largest")


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """What is looked at."""

    name: str = "demo"  # a camera's number, a file, an address, or demo
    loop: bool = False
    max_speed: bool = False  # files: every frame, as fast as it can be worked on
    every_frame: bool = False  # files: none is left out, however late; a film of a file sets it
    width: int | None = None  # asked of a camera; None: its default
    height: int | None = None
    fps: float | None = None
    rotate_deg: int = 0  # clockwise: a camera on its side, or upside down
    mirror: bool = False
    start_s: float = 0.0  # files: begin so far into it
    file_fps: float | None = None  # files: pictures taken a second, where the file plays them slower or faster
    give_up_s: float | None = None  # a camera that was once open is waited for so long; None: without end

    @property
    def lossless(self) -> bool:
        """Files: every frame is worked on and published, however long it takes."""
        return self.max_speed or self.every_frame

    def __post_init__(self) -> None:
        _require(self.give_up_s is None or self.give_up_s >= 0, f"give up after 0 s or more, got {self.give_up_s}")
        for what in ("width", "height", "fps"):
            value = getattr(self, what)
            _require(value is None or value > 0, f"camera {what} must be above 0, got {value}")
        _require(self.rotate_deg in (0, 90, 180, 270), f"rotate by 90, 180 or 270 degrees, got {self.rotate_deg}")
        _require(0 <= self.start_s < float("inf"), f"the start must be 0 seconds or more, got {self.start_s}")
        _require(self.file_fps is None or 1 <= self.file_fps <= MAX_FILE_FPS,
                 f"source fps must be from 1 to {MAX_FILE_FPS}, got {self.file_fps}")


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    size: str = "full"  # of MediaPipe's; or rtmpose, or module:Class
    people: int = 1
    threads: int | None = None  # None: the detector's own choice
    feet: bool = False  # heels and toes too
    hands: bool = False  # the hands' knuckles too

    @property
    def is_own(self) -> bool:
        """Not MediaPipe."""
        return bool(_OWN_DETECTOR.fullmatch(self.size))

    def __post_init__(self) -> None:
        _require(self.size in (*DETECTOR_SIZES, AUTO) or self.is_own,
                 f"detector {self.size!r} is none of {', '.join((*DETECTOR_SIZES, AUTO))}, rtmpose or module:Class")
        _require(1 <= self.people <= MAX_PEOPLE, f"people must be from 1 to {MAX_PEOPLE}, got {self.people}")
        _require(self.threads is None or self.threads > 0, f"detector threads must be above 0, got {self.threads}")


@dataclass(frozen=True, slots=True)
class LifterConfig:
    model: str = "default"
    engine: str = "auto"
    lookahead: int = 0  # model frames of 1/30 s that a pose may wait for the future
    plan: Path | None = None  # a TensorRT plan
    align: str | None = None  # centre or end: where in its window the paper's model's pose is


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """Where and how poses are published."""

    address: str = "tcp://127.0.0.1:5556"
    rpc_address: str | None = "tcp://127.0.0.1:5557"  # answers hello, clock and status; None: nobody answers
    status_address: str | None = None  # the status is said here too, by who outlives the publisher; None: nowhere
    name: str = "main"
    encoding: str = "msgpack"
    keys: Path | None = None  # folder of CURVE keys, for other machines
    insecure: bool = False  # listen beyond this machine without keys
    follow: str | None = None  # nearest, largest or an id: the one person who is published; None: everyone

    def __post_init__(self) -> None:
        topic(POSE, self.name)  # raises for a name that cannot be a stream's
        _require(self.encoding in ENCODINGS, f"encoding {self.encoding!r} is none of {', '.join(ENCODINGS)}")
        _require(self.follow is None or self.follow in FOLLOW or re.fullmatch("[0-9]{1,18}", self.follow) is not None,
                 f"cannot follow {self.follow!r}: give {', '.join(FOLLOW)} or the id of a person")


@dataclass(frozen=True, slots=True)
class ViewConfig:
    enabled: bool = True
    render: Path | None = None  # draw into this file instead of a window
    overwrite: bool = False  # replace that film if there is one
    layout: str = "inset"  # the source's picture in the corner, beside the scene (side), or not at all (3d)
    picture_fps: float = 10.0  # pictures a second for the window; they stay on this machine. 0: none
    size: str | None = None  # of the picture; None: 960x720, a window's as it was left
    fps: float | None = None  # of a film: at most so many pictures a second of the source's time
    smooth: bool = True  # a window draws pictures between two poses, where it has time

    def __post_init__(self) -> None:
        _require(self.layout in LAYOUTS, f"layout {self.layout!r} is none of {', '.join(LAYOUTS)}")
        _require(0 <= self.picture_fps <= 120, f"picture_fps must be from 0 to 120, got {self.picture_fps}")
        if self.size is not None:
            parse_size(self.size)
        _require(self.fps is None or self.fps > 0, f"a film's fps must be above 0, got {self.fps}")
        _require(self.enabled or self.render is None,
                 f"the viewer draws {self.render}: leave out either --no-view (view.enabled) or --render (view.render)")


@dataclass(frozen=True, slots=True)
class PlaceConfig:
    """Calibrations; None: a lens of 60 degrees, camera axes, an assumed body size."""

    camera: Path | None = None
    ground: Path | None = None
    person: str | None = None
    floor: str = "auto"  # auto: without a ground it is learned from people's feet; off: it is not

    def __post_init__(self) -> None:
        _require(self.floor in FLOORS, f"floor {self.floor!r} is none of {', '.join(FLOORS)}")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One session of `realtime run`."""

    source: SourceConfig = field(default_factory=SourceConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    lifter: LifterConfig = field(default_factory=LifterConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)
    frames: int | None = None  # stop after as many
    duration_s: float | None = None  # stop after as long
    metrics: str | None = None  # HOST:PORT of /metrics for Prometheus; None: nobody answers
    realtime_priority: bool = False  # lifting and publishing go before all that is not real-time

    def __post_init__(self) -> None:
        check_ends(self.frames, self.duration_s)
        _require(self.place.person is None or self.detector.people == 1,
                 f"{self.detector.people} people cannot all have the size of {self.place.person}: leave out --person "
                 "(place.person), or look for one with --people 1 (detector.people)")
        _require(self.stream.follow not in FOLLOW or self.detector.people > 1,
                 f"the {self.stream.follow} of one is no choice: look for more people with --people 2 or more "
                 "(detector.people), or leave out --follow (stream.follow)")


def check_ends(frames: int | None, duration_s: float | None) -> None:
    """Raises UserError where a session would end before it begins."""
    _require(frames is None or frames > 0, f"frames must be above 0, got {frames}")
    _require(duration_s is None or duration_s > 0, f"duration must be above 0, got {duration_s}")


def load_config(path: Path | None, flags: Mapping[str, Any]) -> RunConfig:
    """The file's values, then the flags that are not None. Flags are named `section.field`, or `field` at the top.

    Raises UserError for an unreadable file, an unknown name, a value of the wrong type or out of range.
    """
    tree = read_toml(path) if path else {}
    for name, value in flags.items():
        if value is not None:
            section, dot, key = name.rpartition(".")
            (tree.setdefault(section, {}) if dot else tree)[key] = value
    config = typing.cast(RunConfig, build(RunConfig, tree, str(path) if path else "the options"))
    if config.source.name != STANDARD_INPUT:
        return config
    return replace(config, source=replace(config.source, name=standard_input()))  # as its processes can open it


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels, both even. Raises UserError."""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    width, height = (int(part) for part in match.groups()) if match else (0, 0)
    _require(64 <= width <= 4096 and 64 <= height <= 4096,
             f"size {text}: give WIDTHxHEIGHT from 64x64 to 4096x4096, such as 960x720")
    return width - width % 2, height - height % 2


def _require(good: bool, message: str) -> None:
    if not good:
        raise UserError(message)
