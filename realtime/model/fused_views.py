"""Two cameras together, against the better of the two alone: Pose2Sim's person, seen by four calibrated cameras.

The truth of a pair is triangulated from the other two cameras, by the heavy detector, so that no picture is judged by
itself. MPJPE about the hip, on the 12 joints that laboratories agree on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.fuse import Seen, fuse
from calibration.lens.placed import PlacedCamera
from engines.lifting.poses import Lifter
from realtime.library.place import settings
from realtime.library.poses import Poses
from realtime.library.whole import poses_of
from realtime.model.four_views import LIMBS, TRUTH, Watched, true_poses
from realtime.pipeline.pose_frame import Lift

Double = NDArray[np.float64]
COLUMNS = ("cameras", "detector", "fused", "better one alone", "less, %", "within 1 sigma, %")


@dataclass(frozen=True, slots=True)
class FusedRow:
    """A pair of cameras."""

    cameras: str
    detector: str
    fused_mm: float  # MPJPE about the hip
    better_mm: float  # of the better of the two alone
    within_sigma_percent: float

    @property
    def less_percent(self) -> float:
        return 100 * (1 - self.fused_mm / self.better_mm)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "less_percent": self.less_percent}

    def cells(self) -> tuple[str, ...]:
        """The row of a table with the head COLUMNS."""
        return (self.cameras, self.detector, f"{self.fused_mm:.1f}", f"{self.better_mm:.1f}",
                f"{self.less_percent:.0f}", f"{self.within_sigma_percent:.0f}")  # fmt: skip


def pairs_of(placed: list[PlacedCamera], watched: dict[str, list[Watched]], lifter: Lifter) -> list[FusedRow]:
    """Every pair, by every detector, of what `watch_views` gives."""
    rows = []
    for detector, views in watched.items():
        poses = [_lifted(view, lifter) for view in views]
        for pair in combinations(range(len(placed)), 2):
            others = [place for place in range(len(placed)) if place not in pair]
            truth_m = true_poses([watched[TRUTH][place] for place in others], [placed[place] for place in others])
            rows.append(_row(pair, detector, placed, views, poses, truth_m))
    return rows


def _lifted(view: Watched, lifter: Lifter) -> Poses:
    keypoints = view.keypoints
    walk = Lift(lifter, settings(keypoints.camera), "", 1, given=True)
    return poses_of(keypoints.recording, walk, lifter.lag_frames, lifter.name, lifter.engine)


def _row(
    pair: tuple[int, int], detector: str, placed: list[PlacedCamera], views: list[Watched], poses: list[Poses],
    truth_m: Double,
) -> FusedRow:  # fmt: skip
    cameras = [placed[place] for place in pair]
    fused_mm: list[float] = []
    alone_mm: list[Double] = []  # each of both cameras
    within: list[bool] = []
    for frame in range(min(len(truth_m), *(len(poses[place].held) for place in pair))):
        seen = [_seen(views[place], poses[place], frame) for place in pair]
        true_m = _about_hip(truth_m[frame])
        told = [joint for joint in LIMBS if np.isfinite(true_m[joint]).all()]
        if any(one is None for one in seen) or not told:
            continue
        known = [one for one in seen if one is not None]
        fused = fuse(cameras, known)
        off_m = np.linalg.norm(_about_hip(fused.joints_m) - true_m, axis=-1)[told]
        fused_mm.extend(1000 * off_m)
        within.extend(off_m < fused.sigma_m[told])
        alone_m = [_about_hip(camera.to_world(one.joints_m)) for camera, one in zip(cameras, known, strict=True)]
        alone_mm.extend(1000 * np.linalg.norm(np.stack(alone_m) - true_m, axis=-1)[:, told].T)
    names = " + ".join(camera.name for camera in cameras)
    better_mm = float(np.mean(alone_mm, 0).min())
    return FusedRow(names, detector, float(np.mean(fused_mm)), better_mm, 100 * float(np.mean(within)))


def _seen(view: Watched, poses: Poses, frame: int) -> Seen | None:
    """None where the person is not seen, or not placed."""
    joints_m = poses.positions_m[frame].astype(np.float64)
    if poses.held[frame] or not np.isfinite(joints_m).all():
        return None
    rays = joints_m[:, :2] / joints_m[:, 2:]  # as they were put right: the keypoints may be of the other side
    score = np.where(poses.unseen[frame], 0, view.keypoints.scores[frame]).astype(np.float64)
    distance_m = max(float(joints_m[0, 2]), 0.1)
    return Seen(rays, score, joints_m, poses.sigma_m[frame].astype(np.float64),
                float(poses.root_sigma_m[frame]) / distance_m)  # fmt: skip


def _about_hip(joints_m: Double) -> Double:
    return joints_m - joints_m[:1]
