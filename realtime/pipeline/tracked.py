"""What is remembered of a person in view, from frame to frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from calibration.floor.learn_floor import Seen
from realtime.contracts import Keypoints2D, Pose3D
from realtime.pipeline.clean import Sighting
from realtime.pipeline.confirm import Confirmation
from realtime.pipeline.floor import Floor
from realtime.pipeline.own_frames import OwnFrames
from realtime.pipeline.place import Standing
from realtime.pipeline.setting import Setting


@dataclass(slots=True, eq=False)
class Track:
    """Of one person."""

    standing: Standing
    past: deque[tuple[int, Sighting]]  # source time, and what was seen, of the newest frames
    seen_ns: int
    confirmation: Confirmation = field(default_factory=Confirmation)
    pose: Pose3D | None = None  # the newest; None before the first
    scale: str = "assumed"
    seen: Seen | None = None  # what the floor is learned from, of the newest pose
    own_frames: OwnFrames = field(default_factory=OwnFrames)


class View(NamedTuple):
    """One frame between being seen and being lifted."""

    keypoints: Keypoints2D
    source_ns: int  # since the first frame
    setting: Setting
    floor: Floor
    sightings: list[Sighting]
    tracks: list[Track]  # of the sightings


class OwnPose(NamedTuple):
    """A pose of its own frame, whatever the look-ahead."""

    source_ns: int  # of the frame
    pose: Pose3D
    scale: str
