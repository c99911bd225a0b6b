"""A lifted pose at its real size: by the person's known height, by what the floor tells, or as the lifter believes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.person.body_scale import BodyScale, RunningMedian, make_rigid
from calibration.person.bones import BoneMemory, stature_of

Array = NDArray[np.float32]
Pose = NDArray[np.floating[Any]]

_ENOUGH_STEPS = 30  # frames with a foot on the floor before the floor's word on the size counts
_PLAUSIBLE = (0.3, 3.0)  # factors that the floor may tell; others are no step on it


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    pose_m: Pose  # (17, 3), relative to the hip
    sigma_m: Array  # (17,), which grow and shrink with the pose
    factor: float  # of the lifted pose
    scale: str  # what that rests on: assumed | height | measured


class Size:
    """Of one person, through time."""

    def __init__(self, person: BodyScale | None = None) -> None:
        self.height_m = person.known_height_m if person else math.nan  # NaN where it is not known
        self._person = person
        self._floor_factor = RunningMedian(1)
        self._floor_scale = "measured"

    def fit(self, joints_m: Array, sigma_m: Array, bones: BoneMemory) -> Sized:
        """(17, 3), (17,) as lifted, by a person with these bones."""
        if self._person is not None and math.isfinite(self.height_m):
            factor = self.height_m / max(stature_of(bones.lengths_m), 0.1)
            pose: Pose = make_rigid(joints_m, self._person.bones_m) if self._person.rigid else joints_m * factor
            return Sized(pose, _scaled(sigma_m, factor), factor, self._person.scale)
        if self.floor_is_heard:
            factor = float(self._floor_factor.value[0])
            return Sized(joints_m * factor, _scaled(sigma_m, factor), factor, self._floor_scale)
        return Sized(joints_m, sigma_m, 1.0, "assumed")

    @property
    def floor_is_heard(self) -> bool:
        return self._floor_factor.count >= _ENOUGH_STEPS

    def hear_floor(self, factor: float, scale: str) -> None:
        """A step on a floor whose metres rest on `scale` makes the person `factor` times as large as lifted."""
        low, high = _PLAUSIBLE
        if low < factor < high:
            self._floor_factor.push([factor])
            self._floor_scale = scale


def _scaled(sigma_m: Array, factor: float) -> Array:
    return sigma_m if factor == 1.0 else sigma_m * np.float32(factor)
