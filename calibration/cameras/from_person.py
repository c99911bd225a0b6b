"""Where several cameras stand, from one person whom they saw walk: no board, no clock in common.

A start from each camera's lifted poses (clocks by the gait, places by Procrustes), then bundle adjustment over the
rays. The size comes from the person's height, up and the floor from their feet.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.adjust import MOMENTS, Adjusted, Poses, adjust, joints_between
from calibration.cameras.alignment import align
from calibration.cameras.cameras_file import Cameras
from calibration.cameras.time_offsets import Offset, offset_by_way, offsets_of
from calibration.cameras.watched import Watched
from calibration.floor.floor_fit import RATE_HZ, Walk, ground_from_walk
from calibration.lens.placed import PlacedCamera
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale, bone_lengths, stature
from calibration.person.bones import ASSUMED_STATURE_M
from engines.errors import UserError

Double = NDArray[np.float64]
LEAST_S = 1.0  # of the person in two cameras at once
_MOST_SPREAD = 0.12  # of bones' lengths: a real person has 0.02 to 0.06, two people taken for one 0.17 to 0.7
_BONES = (2, 3, 5, 6, 8, 12, 13, 15, 16)  # those that end in these joints hardly change their lengths
_LEAST_SHARED = 10  # moments of two cameras
_LEAST_SCORE, _LEAST_JOINTS = 0.3, 6  # of a person who is seen

_LOG = logging.getLogger("realtime.calibration")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One camera's recording of the person."""

    name: str
    camera: Camera
    watched: Watched


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    cameras: Cameras
    offsets_s: tuple[float, ...]  # of each camera's time against the first's
    miss_px: float  # by how much the rays that agree miss their joint, RMS
    agreeing: float  # the share of rays that agree
    bone_spread: float  # by how much bones change their lengths, relative, median: none does


def cameras_from_person(
    views: Sequence[View], person: BodyScale, reach_s: float = 2.0, floor: bool = True
) -> Found:  # fmt: skip
    """`reach_s`: how far the recordings' clocks may lie apart. `person`: their height or bones, if known.

    Raises UserError where two cameras have seen too little of the person at the same time, or do not agree.
    """
    if len(views) < 2:
        raise UserError("one camera has nothing to be placed against: give two or more, as NAME=RECORDING")
    watched = [view.watched for view in views]
    offsets_s = _offsets(views, reach_s)
    times_s = _moments(watched[0], watched, offsets_s)
    start = _start(views, offsets_s, times_s)
    found = adjust(watched, start, times_s)
    joints_m = _walk(watched, found.poses)
    spread = _bone_spread(joints_m)
    if not spread < _MOST_SPREAD:
        raise UserError(f"what the cameras saw does not agree (bones change their lengths by {spread:.0%}): record the "
                        "same person in all of them, alone, walking about for half a minute")  # fmt: skip
    height_m, factor, scale = _size(joints_m, person)
    poses = Poses(found.poses.rotations, found.poses.shifts_m * factor, found.poses.offsets_s)
    placed, kind = _on_floor(views, poses, joints_m * factor, height_m, floor)
    return Found(Cameras(tuple(placed), scale, kind), tuple(map(float, poses.offsets_s)), _miss_px(views, found),
                 found.agreeing, spread)  # fmt: skip


def _offsets(views: Sequence[View], reach_s: float) -> Double:
    pairs: dict[tuple[int, int], Offset] = {}
    for one, other in combinations(range(len(views)), 2):
        offset = offset_by_way(views[one].watched, views[other].watched, reach_s)
        if offset is not None:
            pairs[one, other] = offset
    told = offsets_of(pairs, len(views))
    for view, offset in zip(views, told, strict=True):
        if offset is None:
            raise _too_little(view.name)
    return np.array([offset.seconds for offset in told if offset is not None])


def _moments(first: Watched, watched: Sequence[Watched], offsets_s: Double) -> Double:
    """Spread over the time in which at least two cameras have the person, on the first one's clock."""
    begin = min(one.t_s[0] + off for one, off in zip(watched, offsets_s, strict=True))
    end = max(one.t_s[-1] + off for one, off in zip(watched, offsets_s, strict=True))
    grid = np.arange(begin, end, 1 / RATE_HZ)
    at = (one.at(grid - off) for one, off in zip(watched, offsets_s, strict=True))
    seeing = np.sum([(one.score > _LEAST_SCORE).sum(1) >= _LEAST_JOINTS for one in at], 0)
    both = grid[seeing >= 2]
    if len(both) < LEAST_S * RATE_HZ:
        raise UserError(f"the person was seen by two cameras at once for {len(both) / RATE_HZ:.1f} s, and "
                        f"{LEAST_S:g} s are needed at the least: walk about where all cameras look")  # fmt: skip
    return np.asarray(both[np.unique(np.linspace(0, len(both) - 1, MOMENTS).astype(int))])





def _start(views: Sequence[View], offsets_s: Double, times_s: Double) -> Poses:
    """Cameras placed one after the other by Procrustes, each against the one that shares most moments with it."""
    poses_m = [view.watched.at(times_s - offset).joints_m for view, offset in zip(views, offsets_s, strict=True)]
    known = [np.isfinite(pose).all((1, 2)) for pose in poses_m]
    rotations, shifts_m = np.zeros((len(views), 3, 3)), np.zeros((len(views), 3))
    rotations[0] = np.eye(3)
    placed, left = [0], list(range(1, len(views)))
    while left:
        shared, one, new = max((int((known[one] & known[new]).sum()), -one, new) for one in placed for new in left)
        one = -one
        if shared < _LEAST_SHARED:
            raise _too_little(views[new].name)
        both = known[one] & known[new]
        turn, shift = align(poses_m[one][both], poses_m[new][both])
        rotations[new], shifts_m[new] = turn @ rotations[one], turn @ shifts_m[one] + shift
        placed.append(new)
        left.remove(new)
    return Poses(rotations, shifts_m, offsets_s)


def _walk(watched: Sequence[Watched], poses: Poses) -> Double:
    """(T, 17, 3) in the first camera's axes at 30 Hz."""
    begin = min(one.t_s[0] + off for one, off in zip(watched, poses.offsets_s, strict=True))
    end = max(one.t_s[-1] + off for one, off in zip(watched, poses.offsets_s, strict=True))
    return joints_between(watched, poses, np.arange(begin, end, 1 / RATE_HZ))


def _bone_spread(joints_m: Double) -> float:
    """Median over time, mean over bones; infinite where nothing was seen twice."""
    with warnings.catch_warnings():  # of bones that were never seen
        warnings.simplefilter("ignore", RuntimeWarning)
        lengths = bone_lengths(joints_m)[:, _BONES]
        spread = float(np.nanmean(np.nanmedian(np.abs(lengths / np.nanmedian(lengths, 0) - 1), 0)))
    return spread if np.isfinite(spread) else np.inf


def _size(joints_m: Double, person: BodyScale) -> tuple[float, float, str]:
    """The person's height, what all lengths are multiplied with, and what that rests on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        bones = np.nanmedian(bone_lengths(joints_m), 0)
    known = np.isfinite(person.bones_m) & np.isfinite(bones) & (bones > 0.05)
    seen_m = float(stature(bones))
    height_m = person.known_height_m
    if known.sum() >= 6 and np.isnan(person.height_m):
        factor = float(np.median(person.bones_m[known] / bones[known]))
        return height_m if np.isfinite(height_m) else factor * seen_m, factor, person.scale
    if not np.isfinite(seen_m):
        raise UserError("the whole person was never seen by two cameras at once: walk where all of you is in view")
    if np.isfinite(height_m):
        return height_m, height_m / seen_m, person.scale
    return ASSUMED_STATURE_M, ASSUMED_STATURE_M / seen_m, "assumed"


def _on_floor(
    views: Sequence[View], poses: Poses, joints_m: Double, height_m: float, wanted: bool
) -> tuple[list[PlacedCamera], str]:
    """In the world of the floor below the first camera; without a floor in that camera's axes."""
    turn, lift = np.eye(3), np.zeros(3)
    kind = "none"
    if wanted:
        score = np.where(np.isfinite(joints_m).all(-1), 1.0, 0.0)
        try:
            ground = ground_from_walk(Walk(joints_m[:, 0], joints_m - joints_m[:, :1], score, height_m))
            turn, lift, kind = ground.rotation, np.array([0.0, 0.0, ground.height_m]), "estimated"
        except UserError as error:
            _LOG.warning("the floor is not known, so that poses will be in the first camera's axes: %s", error)
    placed = []
    for view, rotation, shift_m in zip(views, poses.rotations, poses.shifts_m, strict=True):
        to_first = rotation @ turn.T  # world = turn @ first + lift
        placed.append(PlacedCamera(view.name, view.camera, to_first, shift_m - to_first @ lift))
    return placed, kind


def _miss_px(views: Sequence[View], found: Adjusted) -> float:
    return float(found.miss * np.mean([view.camera.focal_px for view in views]))


def _too_little(name: str) -> UserError:
    return UserError(f"'{name}' and the other cameras have seen too little of the person at the same time: walk about "
                     "where all of them look, for half a minute")  # fmt: skip
