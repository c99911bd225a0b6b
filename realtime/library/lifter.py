"""Keypoints of a program's own to poses, frame by frame: the live walk without processes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from calibration.floor.ground import Ground
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.models.source_skeletons import OURS, skeleton_named
from realtime.clock import NS_PER_S
from realtime.closing import Closing
from realtime.contracts import Array, Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.library.doubts import (
    Double,
    KeypointsWarning,
    check_pace,
    check_pixels,
    check_upright,
    settle_skeleton,
    without_zeros,
)
from realtime.library.given import as_17, frame_times, numbers, picture_size, points, sure
from realtime.library.place import AnyPath, settings
from realtime.library.recording import somebody
from realtime.pipeline.pose_frame import Lift
from realtime.wire.messages import PersonPose

_LOOKED_AT = 10  # frames with somebody in them, before it is said what looks wrong


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One frame's people, as `realtime.subscribe` gives them."""

    t_s: float
    persons: tuple[PersonPose, ...]  # in view, then those just out of sight (`held`)
    space: str  # camera (x right, y down, z forward) | world (right-handed, z up)
    scale: str  # what the metres rest on: assumed | height | measured
    calibration: str  # identity of the calibration in force, "" without one


class Lifter(Closing):
    """Lifts 2D keypoints to metric 3D poses, one frame a call; remembers each person. Not for several threads at once.

        lifter = realtime.Lifter()
        for keypoints, scores, t in frames:
            pose = lifter(keypoints, scores, t, image_wh=(1280, 720))

    The same code and the same poses, bit for bit, as a live session's. Closing it (or `with`) frees the model.
    """

    def __init__(
        self, *, skeleton: str | None = None, camera: Camera | AnyPath | None = None,
        ground: Ground | AnyPath | None = None, person: BodyScale | str | None = None, people: int = 8,
        lookahead: int = 0, model: str | Path = "default", engine: str = "auto", plan: Path | None = None,
        threads: int = 1,
    ) -> None:  # fmt: skip
        """`skeleton`: the keypoints' joint set, a name of docs/input_formats.md; None: by the number of joints, 17
        being Human3.6M's. `camera`, `ground`: a file of `realtime calibrate`, or the object; `person`: a name or a
        file. `people`: those out of sight are held while fewer are in view. `lookahead`: 0, 2, 4 or 8; a pose is then
        of as many frames of 1/30 s before the call. `engine`: auto, onnxruntime, torch or tensorrt (with `plan`).

        Raises UserError for what is not there.
        """
        self._named = None if skeleton is None else skeleton_named(skeleton)
        self._skeleton = self._named or skeleton_named(OURS)
        self._settings, self._most = settings(camera, ground, person), people
        with ExitStack() as stack:
            self._lifter = stack.enter_context(load_lifter(model, engine, lookahead, threads, plan=plan))
            self._owned = stack.pop_all()
        self._walk, self._watch, self._frame, self._last_s = self._new_walk(), _Watch(), 0, -np.inf
        self.model, self.engine, self.lag_frames = self._lifter.name, self._lifter.engine, self._lifter.lag_frames

    def __call__(
        self, keypoints: ArrayLike | None, scores: ArrayLike | None, t: float, *, image_wh: tuple[int, int],
        ids: Sequence[int] | None = None,
    ) -> Pose:  # fmt: skip
        """One frame's poses.

        `keypoints` (N, 2) of one person or (P, N, 2) of several: pixels, x right and y down, NaN where missing; None:
        nobody is seen. `scores` (N,) or (P, N), 0 to 1; None: all sure. `t`: the frame's time in seconds, on any clock
        that does not run backwards. `image_wh`: the picture's width and height in pixels. `ids` (P,): who is who from
        frame to frame; None: by their place, from 0.

        Warns (`KeypointsWarning`) once of what looks wrong; raises `UserError` for what cannot be lifted.
        """
        size, at_s = picture_size(image_wh), self._time(t)
        for doubt in self._watch.pace(at_s):
            warnings.warn(doubt, KeypointsWarning, stacklevel=2)
        persons = () if keypoints is None else self._persons(keypoints, scores, size, ids)
        self._last_s = at_s
        at_ns = round(at_s * NS_PER_S)
        frame = self._walk(Keypoints2D(Stamp(self._frame, at_ns, at_ns), size, persons, at_ns, 0))
        self._walk.finish()
        self._frame += 1
        return _pose(at_s, frame)

    def reset(self) -> None:
        """Forget everyone, and what time it is."""
        self._walk.clear()
        self._walk, self._watch, self._last_s = self._new_walk(), _Watch(), -np.inf

    def close(self) -> None:
        self._owned.close()

    def _new_walk(self) -> Lift:
        return Lift(self._lifter, self._settings, "", self._most, given=True)

    def _time(self, t: float) -> float:
        at_s = float(frame_times([t], None, 1)[0]) if np.ndim(t) == 0 else np.nan
        if not np.isfinite(at_s):
            raise UserError("t must be one number, the frame's time in seconds")
        if at_s < self._last_s:
            raise UserError(f"t ran backwards from {self._last_s:g} to {at_s:g}: give frames in order, or call reset()")
        return at_s

    def _persons(
        self, keypoints: ArrayLike, scores: ArrayLike | None, size: tuple[int, int], ids: Sequence[int] | None
    ) -> tuple[Person2D, ...]:  # fmt: skip
        xy = points(keypoints)
        score = sure(scores, xy.shape[:-1])
        if xy.ndim == 2:
            xy, score = xy[None], score[None]
        if xy.ndim != 3:
            raise UserError(f"keypoints has shape {xy.shape}, expected (joints, 2), or (people, joints, 2)")
        numbered = np.arange(len(xy)) if ids is None else numbers(ids, "ids").astype(np.int64).reshape(-1)
        if len(numbered) != len(xy) or len(set(numbered.tolist())) != len(xy):
            raise UserError(f"ids must be {len(xy)} different numbers, one for each person, got {numbered.tolist()}")
        if not len(xy):
            return ()
        xy, zeros = without_zeros(xy, score, "keypoints")
        if self._watch.looks or self._skeleton.count != xy.shape[-2]:
            self._skeleton, _ = settle_skeleton(self._named, xy, score, "keypoints", recognise=False)
        ours, ours_score = as_17(self._skeleton, xy, score)
        for doubt in zeros + self._watch.push(xy, score, size, (ours, ours_score)):
            if self._watch.new(doubt):
                warnings.warn(doubt, KeypointsWarning, stacklevel=3)
        return tuple(
            Person2D(int(number), person_px, person_score)
            for number, person_px, person_score in zip(numbered, ours, ours_score, strict=True)
            if somebody(person_px, person_score)
        )


class _Watch:
    """Looks through the first frames for what is not as it should be."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._seen: list[tuple[Double, Double]] = []
        self._ours: list[tuple[Array, Array]] = []
        self._said: set[str] = set()

    @property
    def looks(self) -> bool:
        """Whether it still does."""
        return len(self._seen) < _LOOKED_AT

    def pace(self, at_s: float) -> list[str]:
        """Every frame's time, whoever is in it."""
        if len(self._times_s) >= _LOOKED_AT:
            return []
        self._times_s.append(at_s)
        return check_pace(np.array(self._times_s), "t") if len(self._times_s) == _LOOKED_AT else []

    def push(self, xy: Double, score: Double, size: tuple[int, int], ours: tuple[Array, Array]) -> list[str]:
        """A frame's people as they are given, and as our 17 joints."""
        if not self.looks:
            return []
        self._seen.append((xy, score))
        self._ours.append(ours)
        whole, sure_of = (np.concatenate([seen[part] for seen in self._seen]) for part in (0, 1))
        found = check_pixels(whole, sure_of, size, "keypoints")  # refuses at once
        if self.looks:
            return []
        ours_px, ours_score = (np.concatenate([one[part] for one in self._ours]) for part in (0, 1))
        return found + check_upright(ours_px, ours_score, "keypoints")

    def new(self, doubt: str) -> bool:
        """Whether it has not been said; numbers aside."""
        kind = "".join(character for character in doubt if not character.isdigit())
        return kind not in self._said and not self._said.add(kind)  # type: ignore[func-returns-value]


def _pose(at_s: float, frame: PoseFrame) -> Pose:
    persons = tuple(_person(person) for person in frame.persons)
    return Pose(at_s, persons, frame.space, frame.scale, frame.calibration)


def _person(pose: Pose3D) -> PersonPose:
    return PersonPose(
        pose.track_id, pose.joints_m, pose.root_m, pose.sigma_m, pose.score, pose.lag_frames, pose.window_fill,
        pose.held, pose.unseen, pose.root_sigma_m, pose.feet_m, pose.feet_sigma_m, pose.hands_m,
        pose.hands_sigma_m,
    )  # fmt: skip
