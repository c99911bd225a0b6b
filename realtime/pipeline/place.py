"""A lifted pose to its place, in one walk: real size, root, floor, motion, axes of the camera or the world.

One `Standing` a person: what is remembered of their size and motion in the setting in force.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.contact import floor_depth, floor_scale, lowest_foot
from calibration.person.body_scale import ANKLE_HEIGHT, RunningMedian, bone_lengths, make_rigid, stature
from calibration.person.root import root_of_one
from calibration.person.root_filter import RootFilter
from engines.models.skeleton import JOINTS
from realtime.pipeline.setting import Setting

Array = NDArray[np.float32]
Pose = NDArray[np.floating[Any]]

_ENOUGH_STEPS = 30  # frames with a foot on the floor before the floor's word on the size counts
_ASSUMED_ANKLE_M = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    root_m: Array  # (3,), NaN where it cannot be placed
    joints_m: Array  # (17, 3), relative to the hip, in the axes of the setting's space
    sigma_m: Array  # (17,), the pose's errors at its real size
    scale: str  # assumed | height | measured


@dataclass(frozen=True, slots=True, eq=False)
class _Sized:
    pose: Pose  # (17, 3) at its real size
    sigma: Array  # (17,)
    factor: float  # what that took
    scale: str  # what it rests on


@dataclass(frozen=True, slots=True, eq=False)
class _Root:
    at_m: tuple[float, float, float] | list[float]  # NaN where it is not known
    depth_sigma_m: float
    lateral_sigma_m: float


class Standing:
    """Places one person, a frame at a time."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._bones = RunningMedian(JOINTS)
        self._floor_factor = RunningMedian(1)  # the size that the floor gives someone of unknown height
        self._motion = RootFilter()

    def place(self, rays: Array, score: Array, joints_m: Array, sigma_m: Array, t_ns: int) -> Placed:
        """(17, 2), (17,), (17, 3), (17,), all of the same moment `t_ns`.

        A pose that lags (look-ahead) wants the rays and the time of its own frame, not of the newest.
        """
        sized = self._size(joints_m, sigma_m)
        root = _root(rays, score, sized)
        root = self._on_floor(rays, score, sized, root)
        root_m = np.array(self._motion.update(t_ns, root.at_m, root.depth_sigma_m, root.lateral_sigma_m))
        pose, ground = sized.pose, self._setting.ground
        if ground is not None:
            root_m, pose = ground.to_world(root_m), ground.turn(pose)
        return Placed(root_m.astype(np.float32), pose.astype(np.float32, copy=False), sized.sigma, sized.scale)

    def _size(self, pose: Array, sigma: Array) -> _Sized:
        person, ground, height_m = self._setting.person, self._setting.ground, self._setting.height_m
        if person is not None and math.isfinite(height_m):
            bones = self._bones.push(bone_lengths(pose))
            factor = height_m / max(float(stature(bones)), 0.1)
            sized: Pose = make_rigid(pose, person.bones_m) if person.rigid else pose * factor
            return _Sized(sized, _scaled(sigma, factor), factor, person.scale)
        if ground is not None and self._floor_factor.count >= _ENOUGH_STEPS:
            factor = float(self._floor_factor.value[0])
            return _Sized(pose * factor, _scaled(sigma, factor), factor, ground.scale)
        return _Sized(pose, sigma, 1.0, "assumed")

    def _on_floor(self, rays: Array, score: Array, sized: _Sized, root: _Root) -> _Root:
        """The root corrected by the foot on the floor; learns the person's size where it is unknown."""
        ground, height_m = self._setting.ground, self._setting.height_m
        if ground is None or not all(map(math.isfinite, root.at_m)):
            return root
        foot = lowest_foot(sized.pose, rays, score, ground.up)
        if foot is None:
            return root
        unsized = not math.isfinite(height_m)
        ankle_m = _ASSUMED_ANKLE_M * sized.factor if unsized else ANKLE_HEIGHT * height_m
        foot_depth = float(root.at_m[2] + sized.pose[foot, 2])
        if unsized:
            step = floor_scale(rays[foot], foot_depth / sized.factor, ground, _ASSUMED_ANKLE_M)
            if 0.3 < step < 3.0:
                self._floor_factor.push([step])
            if self._floor_factor.count < _ENOUGH_STEPS:
                return root
        depth, floor_sigma = floor_depth(rays[foot], ground, ankle_m)
        floor_sigma = float(np.hypot(floor_sigma, sized.sigma[foot]))
        gap = depth - foot_depth
        if not abs(gap) < 3.0 * np.hypot(root.depth_sigma_m, floor_sigma):  # in the air, on a chair, or no such ray
            return root
        share = root.depth_sigma_m**2 / (root.depth_sigma_m**2 + floor_sigma**2)
        along = 1 + share * gap / root.at_m[2]
        return _Root([axis * along for axis in root.at_m], root.depth_sigma_m * math.sqrt(1 - share),
                     root.lateral_sigma_m)  # fmt: skip


def _root(rays: Array, score: Array, sized: _Sized) -> _Root:
    x, y, z, depth_sigma, lateral_sigma = root_of_one(
        rays.tolist(), score.tolist(), sized.pose.tolist(), sized.sigma.tolist()
    )
    return _Root((x, y, z), depth_sigma, lateral_sigma)


def _scaled(sigma: Array, factor: float) -> Array:
    return sigma if factor == 1.0 else sigma * np.float32(factor)
