"""The room's stream on a real person: Pose2Sim's four cameras through the code that fuses live, frame by frame.

With the places of the cameras as they were calibrated, and as the person's own walk of 1.7 s places them; with clocks
that lie apart by known times. Pairs are judged by the triangulation of the other two, as in `fused_views`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.cameras_file import Cameras
from calibration.cameras.from_person import Found, View, cameras_from_person
from calibration.cameras.time_offsets import offsets_by_rays
from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera
from calibration.person.body_scale import BodyScale
from engines.lifting.poses import Lifter
from realtime.clock import NS_PER_MS, NS_PER_S
from realtime.contracts import PoseFrame
from realtime.fusion.fuser import Fuser
from realtime.library.place import settings
from realtime.model.four_views import LIMBS, TRUTH, true_poses
from realtime.model.four_views import Watched as Seen
from realtime.pipeline.pose_frame import Lift

Double = NDArray[np.float64]
COLUMNS = ("cameras", "detector", "places known", "places from the walk")
APART_S = (0.0, 0.1, -0.05, 0.213)  # the clocks, made to lie apart
_ARRIVES_NS = 30 * NS_PER_MS
_BEGIN_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class LiveRow:
    """Of two cameras, or all four: MPJPE about the hip on 12 joints."""

    cameras: str
    detector: str
    known_mm: float
    walked_mm: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def cells(self) -> tuple[str, ...]:
        """The row of a table with the head COLUMNS."""
        return (self.cameras, self.detector, f"{self.known_mm:.1f}", f"{self.walked_mm:.1f}")


@dataclass(frozen=True, slots=True)
class ClockRow:
    """Offsets found against those that were made, ms, of every camera but the first; None: not found."""

    detector: str
    true_ms: tuple[float, ...]
    places_known_ms: tuple[float | None, ...]
    places_from_walk_ms: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fuse_live(
    placed: list[PlacedCamera], watched: dict[str, list[Seen]], lifter: Lifter
) -> tuple[list[LiveRow], list[ClockRow]]:
    """What `watch_views` gives, by every detector in it. Raises UserError."""
    rows, clocks = [], []
    for detector, views in watched.items():
        frames = [_frames(view, lifter) for view in views]
        walk = _walked(placed, frames, (0.0,) * len(placed))
        for used in (*combinations(range(len(placed)), 2), tuple(range(len(placed)))):
            judges = [place for place in range(len(placed)) if place not in used] or list(used)
            truth_m = true_poses([watched[TRUTH][place] for place in judges], [placed[place] for place in judges])
            names = " + ".join(placed[place].name for place in used)
            known_mm, walked_mm = (
                _error_mm([cameras[place] for place in used], [frames[place] for place in used], truth_m, turn)
                for cameras, turn in ((placed, np.eye(3)), (walk.cameras.placed, _turn(placed, walk)))
            )
            rows.append(LiveRow(names, detector, known_mm, walked_mm))
        late = _walked(placed, frames, APART_S)
        by_rays = offsets_by_rays(placed, [_watched(one, apart) for one, apart in zip(frames, APART_S, strict=True)])
        found = tuple(None if one is None else round(1000 * one.seconds, 1) for one in by_rays[1:])
        clocks.append(ClockRow(detector, tuple(1000 * one for one in APART_S[1:]), found,
                               tuple(round(1000 * one, 1) for one in late.offsets_s[1:])))  # fmt: skip
    return rows, clocks


def _frames(view: Seen, lifter: Lifter) -> list[PoseFrame]:
    keypoints = view.keypoints
    walk = Lift(lifter, settings(keypoints.camera), "", 1, given=True)
    return [walk(frame) for frame in keypoints.recording.frames()]


def _watched(frames: Sequence[PoseFrame], apart_s: float) -> Watched:
    """On a clock that is behind by `apart_s`."""
    seen = [(frame, frame.persons[0]) for frame in frames if frame.persons and not frame.persons[0].held]
    joints_m = np.stack([person.joints_m + person.root_m for _, person in seen]).astype(np.float64)
    score = np.stack([person.score for _, person in seen]).astype(np.float64)
    for row, (_, person) in enumerate(seen):
        score[row, list(person.unseen)] = 0
    times_s = np.array([frame.stamp.source_ns / NS_PER_S for frame, _ in seen])
    return Watched(times_s - apart_s, joints_m[..., :2] / joints_m[..., 2:], score, joints_m)


def _walked(placed: list[PlacedCamera], frames: list[list[PoseFrame]], apart_s: Sequence[float]) -> Found:
    views = [View(one.name, one.camera, _watched(of, apart))
             for one, of, apart in zip(placed, frames, apart_s, strict=True)]  # fmt: skip
    return cameras_from_person(views, BodyScale(), floor=False)


def _turn(placed: list[PlacedCamera], walk: Found) -> Double:
    """From the walk's world, which is the first camera's axes, to that of the calibration."""
    return np.asarray(placed[0].rotation.T @ walk.cameras.placed[0].rotation)


def _error_mm(
    cameras: Sequence[PlacedCamera], frames: Sequence[Sequence[PoseFrame]], truth_m: Double, turn: Double
) -> float:
    """NaN where nobody was fused."""
    fuser = Fuser(Cameras(tuple(cameras)))
    sent = [(camera.name, _stamped(frame)) for camera, of in zip(cameras, frames, strict=True) for frame in of]
    off_mm: list[float] = []
    for name, frame in sorted(sent, key=lambda one: (one[1].stamp.capture_ns, one[0])):
        now_ns = frame.stamp.capture_ns + _ARRIVES_NS
        fuser.see(name, frame, None, now_ns)
        for fused in fuser.due(now_ns):
            off_mm += _off_mm(fused, frames[0], truth_m, turn)
    return float(np.mean(off_mm)) if off_mm else float("nan")


def _stamped(frame: PoseFrame) -> PoseFrame:
    captured_ns = frame.stamp.source_ns + _BEGIN_NS
    return replace(frame, stamp=replace(frame.stamp, capture_ns=captured_ns))


def _off_mm(fused: PoseFrame, frames: Sequence[PoseFrame], truth_m: Double, turn: Double) -> list[float]:
    """Of the joints that the judges saw in the frame of that moment."""
    times_ns = np.array([frame.stamp.source_ns for frame in frames])
    row = int(np.abs(times_ns - (fused.stamp.capture_ns - _BEGIN_NS)).argmin())
    if not fused.persons or row >= len(truth_m):
        return []
    true_m = truth_m[row] - truth_m[row, :1]
    told = [joint for joint in LIMBS if np.isfinite(true_m[joint]).all()]
    joints_m = fused.persons[0].joints_m.astype(np.float64) @ turn.T
    return list(1000 * np.linalg.norm(joints_m - true_m, axis=-1)[told])
