"""`realtime lift --mediapipe-world`: MediaPipe's own 3D of a video in a file like ours, to compare with."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from calibration.floor.ground import Ground
from engines.errors import UserError
from engines.models.skeleton import JOINTS, MEDIAPIPE33_TO_17
from realtime.clock import NS_PER_S
from realtime.contracts import Array
from realtime.files.lift_file import LiftOptions, check_target, write_poses
from realtime.files.read_source import Told
from realtime.library.poses import Poses
from realtime.library.whole import Progress
from realtime.sources.address import is_live
from realtime.sources.open_source import open_source

_Seen = list[dict[int, Array]]  # a frame: id -> joints (17, 3), camera axes


def mediapipe_world(
    source: Path, *, people: int = 1, size: str = "full", fps: float | None = None, ground: Ground | None = None,
    progress: Progress | None = None,
) -> Poses:  # fmt: skip
    """Row t is frame t: MediaPipe's world landmarks as our 17 joints from the hip, in metres of its own.

    It places nobody and tells no errors: `root_m` and `sigma_m` are NaN. `ground` turns the poses into world axes.
    Raises UserError for what is no video, or shows nobody.
    """
    from realtime.detectors.mediapipe_pose import Detector

    if is_live(str(source)):
        raise UserError(f"{source} is a camera or an address: give a video's file")
    seen: _Seen = []
    times_s: list[float] = []
    with open_source(str(source), max_speed=True, file_fps=fps) as video, Detector(size, people) as detector:
        while (frame := video.read()) is not None:
            persons = detector.detect(frame)
            own_m = MEDIAPIPE33_TO_17 @ detector.last_world_m  # (people, 17, 3)
            own_m = own_m - own_m[:, :1]
            own_m = own_m if ground is None else ground.turn(own_m).astype(np.float32)
            seen.append({person.track_id: joints_m for person, joints_m in zip(persons, own_m, strict=True)})
            times_s.append(frame.stamp.source_ns / NS_PER_S)
            if progress:
                progress(len(seen), 0)
    if not any(seen):
        raise UserError(f"nobody was seen in {source}: the whole body should be in the picture, in good light")
    poses = _poses(seen, times_s, "camera" if ground is None else "world", f"mediapipe-{size}")
    return poses.merged() if people == 1 else poses


def lift_mediapipe_world(
    source: Path, target: Path, *, people: int, size: str, fps: float | None, ground: Path | None, overwrite: bool,
    progress: Progress | None = None,
) -> Poses:  # fmt: skip
    """Into an .npz, as `lift_file` writes ours. Raises UserError, also where `target` exists, unless `overwrite`."""
    from calibration.floor.ground import load_ground
    check_target(source, target, overwrite)
    floor = None if ground is None else load_ground(ground)
    poses = mediapipe_world(source, people=people, size=size, fps=fps, ground=floor, progress=progress)
    write_poses(poses, target)
    return poses


def require_nothing_of_ours(options: LiftOptions, told: Told) -> None:
    """Raises UserError for what is asked of our own lifting, which MediaPipe's 3D knows nothing of."""
    for asked, plain in ((options, LiftOptions(ground=options.ground)),
                         (told, Told(fps=told.fps, people=told.people, detector=told.detector))):  # fmt: skip
        for one in fields(plain):
            if getattr(asked, one.name) != getattr(plain, one.name):
                name = "size" if one.name == "image_wh" else one.name
                raise UserError(f"--mediapipe-world lifts nothing: leave out --{name}")


def _poses(seen: _Seen, times_s: list[float], space: str, model: str) -> Poses:
    """Columns in the order in which people were first seen."""
    ids = list(dict.fromkeys(number for frame in seen for number in frame))
    shape = len(seen), len(ids)
    joints_m, held = np.full((*shape, JOINTS, 3), np.nan, np.float32), np.ones(shape, np.bool_)
    for row, frame in enumerate(seen):
        joints_m[row] = joints_m[row - 1] if row else np.nan
        for number, pose_m in frame.items():
            joints_m[row, ids.index(number)], held[row, ids.index(number)] = pose_m, False
    nothing = np.full((*shape, JOINTS), np.nan, np.float32)
    return Poses(
        joints_m, np.full((*shape, 3), np.nan, np.float32), nothing, nothing[..., 0], np.ones(shape, np.float32), held,
        np.zeros((*shape, JOINTS), np.bool_), np.array(ids, np.int64), np.array(times_s), np.full(len(seen), "assumed"),
        space, "", 0, model, "mediapipe", "world landmarks",
    )  # fmt: skip
