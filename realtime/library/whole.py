"""Whole recordings through the live walk: every frame's pose in its own row."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.floor.ground import Ground
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.models.skeleton import EXTREMITIES
from engines.models.source_skeletons import skeleton_named
from realtime.contracts import Array, Pose3D
from realtime.library.doubts import KeypointsWarning
from realtime.library.offline import smoothed
from realtime.library.place import AnyPath, settings
from realtime.library.poses import Poses
from realtime.library.recording import Recording, recorded, wanted
from realtime.pipeline.pose_frame import Lift

Progress = Callable[[int, int], None]  # frames done, of how many
_SCALES = ("assumed", "height", "measured")


def lift(
    keypoints: ArrayLike, scores: ArrayLike | None = None, t: ArrayLike | None = None, *,
    image_wh: tuple[int, int], fps: float | None = None, skeleton: str | None = None, ids: Sequence[int] | None = None,
    camera: Camera | AnyPath | None = None, ground: Ground | AnyPath | None = None,
    person: BodyScale | str | None = None, lookahead: int = 0, model: str | Path = "default", engine: str = "auto",
    threads: int = 1, progress: Progress | None = None, offline: bool = False, feet: bool = False,
    hands: bool = False,
) -> Poses:  # fmt: skip
    """Lift recorded 2D keypoints to metric 3D poses with the code that runs live.

    `keypoints` (T, N, 2) of one person, or (T, P, N, 2) of several: pixels, x right and y down, NaN where missing.
    `scores` (T, N) or (T, P, N), 0 to 1; None: all sure. `t` (T,): the frames' times in seconds, or else `fps`.
    `image_wh`: the picture's width and height in pixels. `skeleton`: a name of docs/input_formats.md; None: by the
    number of joints, and of 17 by where they lie. `ids` (P,): the people's numbers.

    `camera`, `ground`: a file of `realtime calibrate`, or the object; `person`: a name or a file. Without, the lens
    spans 60 degrees, poses are in camera axes, and sizes are an assumed body's. `lookahead`: model frames of 1/30 s of
    future that each pose sees, 0, 2, 4 or 8: smoother. `offline`: smoothed with the whole recording known, which no
    live pose can be; steadier still, hardly truer (needs SciPy). `feet`: heels and toes too, `hands`: knuckles of the
    hands, of joints that have them.

    Without either the rows are, bit for bit, what a live session publishes of the same keypoints. Warns
    (`KeypointsWarning`) of what looks wrong in the keypoints; raises `UserError` for what cannot be lifted.
    """
    named = None if skeleton is None else skeleton_named(skeleton)
    recording, doubts = recorded(keypoints, scores, t, fps, image_wh, named, ids)
    for doubt in doubts:
        warnings.warn(doubt, KeypointsWarning, stacklevel=2)
    recording = wanted(recording, feet, hands, "the keypoints have")
    find = settings(camera, ground, person)
    if person is not None and len(recording.ids) > 1:
        raise UserError(f"{len(recording.ids)} people cannot all have the size of one person: leave out person")
    with load_lifter(model, engine, lookahead, threads) as lifter:
        walk = Lift(lifter, find, "", len(recording.ids), given=True)
        poses = poses_of(recording, walk, lifter.lag_frames, lifter.name, lifter.engine, progress=progress)
    return smoothed(poses) if offline else poses


def poses_of(
    recording: Recording, lift: Lift, lag_frames: int, model: str, engine: str, mode: str = "stream",
    progress: Progress | None = None,
) -> Poses:  # fmt: skip
    """Every frame through `lift`, which has seen nothing before. Raises UserError where nobody could be lifted."""
    rows = _Rows(recording)
    total = len(recording.t_s)
    for frame, keypoints in enumerate(recording.frames()):
        if lag_frames:
            for own in lift.own_frames(keypoints):
                rows.put_at(own.source_ns, own.pose, own.scale)
        else:
            posed = lift(keypoints)
            for person in posed.persons:
                if not person.held:
                    rows.put(frame, person, posed.scale)
        if progress:
            progress(frame + 1, total)
    for own in lift.last_frames() if lag_frames else ():
        rows.put_at(own.source_ns, own.pose, own.scale)
    if rows.held.all():
        raise UserError("nobody could be lifted: every joint lies outside of what the lens covers, or nowhere a body "
                        "can be")  # fmt: skip
    return rows.poses(lift, lag_frames, model, engine, mode)


class _Rows:
    """The arrays of `Poses` as they are filled in, with an axis of people."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        shape = recording.score.shape[:2]
        self._columns = {int(number): column for column, number in enumerate(recording.ids)}
        self._frames: dict[int, list[int]] = {}
        for frame, at_ns in enumerate(recording.times_ns.tolist()):
            self._frames.setdefault(at_ns, []).append(frame)
        self._seen = recording.seen
        self.held = np.ones(shape, np.bool_)
        self._joints = np.full((*shape, 17, 3), np.nan, np.float32)
        self._root = np.full((*shape, 3), np.nan, np.float32)
        self._sigma, self._root_sigma = np.full((*shape, 17), np.nan, np.float32), np.full(shape, np.nan, np.float32)
        self._fill, self._unseen = np.zeros(shape, np.float32), np.ones((*shape, 17), np.bool_)
        self._scale = np.full(shape, len(_SCALES) - 1)
        self._extremities: dict[str, Array] = {}  # those that are looked for, by their fields' names
        for name, points in EXTREMITIES.items():
            if getattr(recording, name) is not None:
                self._extremities[f"{name}_m"] = np.full((*shape, len(points), 3), np.nan, np.float32)
                self._extremities[f"{name}_sigma_m"] = np.full((*shape, len(points)), np.nan, np.float32)

    def put_at(self, source_ns: int, pose: Pose3D, scale: str) -> None:
        """Into every frame of that time in which the person is."""
        for frame in self._frames[source_ns]:
            if self._seen[frame, self._columns[pose.track_id]]:
                self.put(frame, pose, scale)

    def put(self, frame: int, pose: Pose3D, scale: str) -> None:
        at = frame, self._columns[pose.track_id]
        self.held[at] = False
        self._joints[at], self._root[at], self._sigma[at] = pose.joints_m, pose.root_m, pose.sigma_m
        self._root_sigma[at], self._fill[at] = pose.root_sigma_m, pose.window_fill
        self._unseen[at] = np.isin(np.arange(17), pose.unseen)
        self._scale[at] = _SCALES.index(scale)
        for name, rows in self._extremities.items():
            found = getattr(pose, name)
            rows[at] = np.nan if found is None else found

    def poses(self, lift: Lift, lag_frames: int, model: str, engine: str, mode: str) -> Poses:
        frames = np.arange(len(self.held))[:, None]
        last = np.maximum.accumulate(np.where(self.held, -1, frames))  # the row that a held row repeats
        rows, columns = np.nonzero(last >= 0)
        for filled in (self._joints, self._root, self._sigma, self._root_sigma, self._fill, self._scale,
                       *self._extremities.values()):  # fmt: skip
            filled[rows, columns] = filled[last[rows, columns], columns]
        arrays = (self._joints, self._root, self._sigma, self._root_sigma, self._fill, self.held, self._unseen)
        extremities: dict[str, Any] = self._extremities
        if self._recording.alone:
            arrays = tuple(array[:, 0] for array in arrays)  # type: ignore[assignment]
            extremities = {name: array[:, 0] for name, array in extremities.items()}
        setting = lift.setting
        assert setting is not None
        scale = np.array(_SCALES)[np.where(last >= 0, self._scale, len(_SCALES) - 1).min(1)]
        scale[(last < 0).all(1)] = _SCALES[0]
        return Poses(*arrays, self._recording.ids, self._recording.t_s, scale, setting.space, setting.calibration,
                     lag_frames, model, engine, mode, **extremities)  # fmt: skip
