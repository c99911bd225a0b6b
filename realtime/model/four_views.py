"""Real people whose poses are known: one person seen by four calibrated cameras, ours beside MediaPipe's own 3D.

Pose2Sim's demonstration (BSD-3-Clause), fetched when asked for. The truth is triangulated from the heavy detector in
all four views; each view is then lifted alone, as if there were no other.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.lens.placed import PlacedCamera
from calibration.lens.qualisys import read_qualisys
from engines.evaluation.joint_angles import corner_angles, trunk_error_deg
from engines.evaluation.metrics import bone_lengths, procrustes
from engines.evaluation.real_people import asymmetry_percent, bone_spread_percent, leaps
from engines.evaluation.triangulate import triangulate
from engines.lifting.poses import Lifter
from engines.models.skeleton import MEDIAPIPE33_TO_17
from realtime.assets.fetch import fetch
from realtime.clock import NS_PER_S
from realtime.contracts import Array
from realtime.detectors.mediapipe_pose import Detector
from realtime.files.keypoints_file import KeypointsFile
from realtime.files.lift_file import lift_one
from realtime.sources.open_source import open_source

Double = NDArray[np.float64]
LIMBS = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]  # joints that a detector sees and laboratories agree on
TRUTH, COMPARED = "heavy", ("full", "heavy")
COLUMNS = ("view", "detector", "poses", "P-MPJPE", "trunk °", "knee °", "hip °", "elbow °", "shoulder °",
           "bone spread %", "left/right %", "leaps")  # fmt: skip


@dataclass(frozen=True, slots=True)
class FourViewsRow:
    """One view, lifted by one method from one detector's keypoints. Less is better in all."""

    view: str
    detector: str
    poses: str
    p_mpjpe_mm: float  # 12 joints
    trunk_deg: float  # median error of its direction
    knee_deg: float  # median errors of the angles
    hip_deg: float
    elbow_deg: float
    shoulder_deg: float
    bone_spread_percent: float
    asymmetry_percent: float
    leaps: int  # in depth, of joints whose keypoint rests

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def cells(self) -> tuple[str, ...]:
        """The row of a table with the head COLUMNS."""
        angles = (self.trunk_deg, self.knee_deg, self.hip_deg, self.elbow_deg, self.shoulder_deg)
        spreads = (self.bone_spread_percent, self.asymmetry_percent)
        return (self.view, self.detector, self.poses, f"{self.p_mpjpe_mm:.1f}", *(f"{angle:.0f}" for angle in angles),
                *(f"{spread:.1f}" for spread in spreads), str(self.leaps))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One view by one detector: every frame of the clip."""

    keypoints: KeypointsFile
    world_m: Array  # (T, 17, 3), MediaPipe's own


def compare_views(lifter: Lifter, progress: Callable[[], None] | None = None) -> list[FourViewsRow]:
    """Rows for the four views, two detectors and both methods. Fetches what is missing. Raises UserError."""
    placed, seen = watch_views(COMPARED, progress)
    truth_m = true_poses(seen[TRUTH], placed)
    rows = []
    for size, views in seen.items():
        for camera, view in zip(placed, views, strict=True):
            true_m = camera.to_camera(truth_m)
            for name, poses in _lifted(view, lifter):
                rows.append(_score(camera.name, size, name, poses, true_m, view.keypoints))
    return rows


def watch_views(
    detectors: Sequence[str], progress: Callable[[], None] | None = None
) -> tuple[list[PlacedCamera], dict[str, list[Watched]]]:
    """The four cameras, and what each detector sees through each. Fetches what is missing. Raises UserError."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(fetch("four-views")) as archive:
        archive.extractall(folder)
        clips = sorted(Path(folder).glob("*.mp4"))
        placed = read_qualisys(next(Path(folder).glob("*.qca.txt")).read_bytes())
        seen = {
            size: [_watch(clip, camera, size, progress) for clip, camera in zip(clips, placed, strict=True)]
            for size in detectors
        }
    return placed, seen


def _watch(clip: Path, placed: PlacedCamera, size: str, progress: Callable[[], None] | None) -> Watched:
    xy, score, times, world = [], [], [], []
    with open_source(str(clip), max_speed=True) as source, Detector(size) as detector:
        while (frame := source.read()) is not None:
            persons = detector.detect(frame)
            nobody = np.full((17, 2), np.nan, np.float32), np.zeros(17, np.float32)
            points, sure = (persons[0].xy_px, persons[0].score) if persons else nobody
            own = MEDIAPIPE33_TO_17 @ detector.last_world_m[0] if persons else np.full((17, 3), np.nan)
            xy.append(points)
            score.append(sure)
            times.append(frame.stamp.source_ns / NS_PER_S)
            world.append(own - own[:1])
            if progress:
                progress()
    keypoints = KeypointsFile(np.stack(xy), np.stack(score), np.array(times), placed.camera)
    return Watched(keypoints, np.stack(world).astype(np.float32))


def true_poses(views: Sequence[Watched], placed: Sequence[PlacedCamera]) -> Double:
    """(T, 17, 3) in the room, triangulated; NaN where fewer than two cameras see a joint."""
    frames = min(len(view.world_m) for view in views)
    rays = np.stack([view.keypoints.camera.rays(view.keypoints.keypoints_px[:frames]) for view in views])
    score = np.stack([view.keypoints.scores[:frames] for view in views]).astype(np.float64)
    return triangulate(
        rays.astype(np.float64), score, np.stack([one.rotation for one in placed]),
        np.stack([one.shift_m for one in placed]),
    )  # fmt: skip


def _lifted(view: Watched, lifter: Lifter) -> Iterator[tuple[str, Double]]:
    joints, _, _ = lift_one(view.keypoints, lifter)
    yield lifter.name, joints.astype(np.float64)
    yield "MediaPipe world", view.world_m.astype(np.float64)


def _score(
    view: str, detector: str, name: str, poses_m: Double, true_m: Double, keypoints: KeypointsFile
) -> FourViewsRow:
    frames = min(len(poses_m), len(true_m))
    known = np.isfinite(poses_m[:frames]).all((1, 2)) & np.isfinite(true_m[:frames]).all((1, 2))
    poses, true = poses_m[:frames][known], true_m[:frames][known]
    error = np.linalg.norm(procrustes(poses[:, LIMBS], true[:, LIMBS]) - true[:, LIMBS], axis=-1)
    angles = {
        corner: float(np.median(np.abs(ours - theirs)))
        for (corner, ours), theirs in zip(corner_angles(poses).items(), corner_angles(true).values(), strict=True)
    }
    lengths = bone_lengths(poses)
    return FourViewsRow(
        view, detector, name, 1000 * float(error.mean()), float(np.median(trunk_error_deg(poses, true))),
        angles["knee"], angles["hip"], angles["elbow"], angles["shoulder"],
        bone_spread_percent(lengths), asymmetry_percent(lengths),
        leaps(poses_m[:frames], keypoints.keypoints_px[:frames]),
    )  # fmt: skip

