"""The types on the arrows between stages. Units are in the names; arrays are float32 and C-contiguous."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a frame was taken: stamped once, at grab, and carried to the wire."""

    frame_id: int  # counts every grabbed frame, dropped ones too: gaps are drops
    capture_ns: int  # time.monotonic_ns() at grab: for latencies
    source_ns: int  # the source's own timeline (a file's presentation time; live: capture_ns): for resampling


@dataclass(frozen=True, slots=True, eq=False)
class Person2D:
    track_id: int
    xy_px: Array  # (17, 2), NaN where there is no estimate
    score: Array  # (17,), 0 to 1
    feet: Array | None = None  # (4, 3): x and y in pixels, and score, of FEET; None: not looked for
    hands: Array | None = None  # (6, 3): as `feet`, of HANDS


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints2D:
    stamp: Stamp
    image_wh: tuple[int, int]
    persons: tuple[Person2D, ...]  # empty: a frame with nobody in it
    detected_ns: int  # time.monotonic_ns() when the detector was done
    dropped: int  # frames the source lost or skipped since the session began
    repeated: bool = False  # the picture before once more: nothing new was seen


@dataclass(frozen=True, slots=True, eq=False)
class Pose3D:
    """One person's pose, in camera axes (x right, y down, z forward) or world axes (z up); see `PoseFrame.space`."""

    track_id: int
    joints_m: Array  # (17, 3), relative to the hip
    root_m: Array  # (3,), the hip; NaN where it cannot be placed
    sigma_m: Array  # (17,), learned 1-sigma error of each joint
    score: Array  # (17,)
    lag_frames: int  # the pose is of this many model frames (1/30 s) before the stamp
    window_fill: float  # 0 to 1: how much of the model's memory has been seen
    held: bool  # nothing seen in this frame: the last pose repeated
    unseen: tuple[int, ...] = ()  # joints not seen in this frame, or not where they can be
    root_sigma_m: float = float("nan")  # 1-sigma error of the root along the view; NaN where it is not known
    feet_m: Array | None = None  # (4, 3), FEET relative to the hip; None: not looked for
    feet_sigma_m: Array | None = None  # (4,), 1-sigma error of each
    hands_m: Array | None = None  # (6, 3), HANDS relative to the hip, NaN where not seen; None: not looked for
    hands_sigma_m: Array | None = None  # (6,), NaN likewise


@dataclass(frozen=True, slots=True, eq=False)
class CameraPlace:
    """Where the camera is and how wide it sees. A point of its axes is `rotation @ point + (0, 0, height_m)` in the
    world."""

    hfov_deg: float  # horizontal field of view; NaN where it is not known
    rotation: NDArray[np.floating[Any]] | None = None  # (3, 3) camera to world axes; None: the space is the camera's
    height_m: float = 0.0  # above the floor


@dataclass(frozen=True, slots=True, eq=False)
class PoseFrame:
    """Everything that leaves the lifter for one camera frame."""

    stamp: Stamp
    image_wh: tuple[int, int]
    persons: tuple[Pose3D, ...]
    space: str = "camera"  # camera | world
    scale: str = "assumed"  # assumed | height | measured
    calibration: str = ""  # identity of the calibration in force ("" without one)
    dropped: int = 0
    latency_ms: dict[str, float] = field(default_factory=dict)  # stage -> ms: detect, ring, lift, total
    floor: str = "none"  # none | estimated | measured: what a world space rests on
    appeared: tuple[int, ...] = ()  # ids that are in this frame and were not in the one before
    left: tuple[int, ...] = ()  # ids that were in the one before and are not in this
    camera: CameraPlace | None = None  # None: the publisher does not know
