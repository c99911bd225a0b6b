"""How large a person is: running medians of the lifted bones, the body's height, a rigid skeleton."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration import yaml_file
from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES, JOINTS, PARENTS

Array64 = NDArray[np.float64]

ANKLES = (3, 6)
ANKLE_HEIGHT = 0.047  # of the body's height: the ankle joint above the floor, measured on motion capture
MIN_FOOT_SCORE = 0.4  # an ankle less sure than this says nothing of the floor
_LEGS = ((2, 3), (5, 6))
_TRUNK = (7, 8, 9, 10)
_CHILDREN = np.arange(1, JOINTS)
_PARENTS = np.array(PARENTS[1:])


@dataclass(frozen=True, slots=True, eq=False)
class BodyScale:
    """A person's real size. `height_m` and `bones_m` (17,) in metres, NaN where unknown (the hip has no bone)."""

    name: str = ""
    height_m: float = float("nan")
    bones_m: Array64 = field(default_factory=lambda: np.full(JOINTS, np.nan))
    rigid: bool = False
    scale: str = "height"  # what the metres rest on: assumed | height | measured
    identity: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bones_m", np.array(self.bones_m, np.float64).reshape(JOINTS))
        if not (np.isnan(self.height_m) or 0.4 <= self.height_m <= 2.6):
            raise UserError(f"a height of {self.height_m} m is not a person's: give metres, like 1.76")
        if self.rigid and not np.isfinite(self.bones_m[1:]).all():
            raise UserError("a rigid skeleton needs bone lengths: run 'realtime calibrate person' with a source")

    @property
    def known_height_m(self) -> float:
        """The height given, else that of the bones, NaN where neither is known."""
        return float(stature(self.bones_m)) if np.isnan(self.height_m) else self.height_m


def bone_lengths(joints_m: ArrayLike) -> Array64:
    """Poses (..., 17, 3) -> lengths (..., 17) of the bone that ends at each joint; 0 for the hip."""
    joints = np.asarray(joints_m, np.float64)
    lengths = np.zeros(joints.shape[:-1])
    bones = joints[..., _CHILDREN, :] - joints[..., _PARENTS, :]
    lengths[..., 1:] = np.sqrt(np.add.reduce(bones * bones, -1))
    return lengths


def stature(bones_m: ArrayLike) -> Array64:
    """Bone lengths (..., 17) -> the height (...) of that body standing straight, sole to top of the head."""
    bones = np.asarray(bones_m, np.float64)
    legs = sum(bones[..., list(leg)].sum(-1) for leg in _LEGS) / len(_LEGS)
    height: Array64 = (legs + bones[..., list(_TRUNK)].sum(-1)) / (1 - ANKLE_HEIGHT)
    return height


def make_rigid(joints_m: ArrayLike, bones_m: Array64) -> Array64:
    """The pose (17, 3) with each bone's direction kept and its length set; the hip stays."""
    joints = np.asarray(joints_m, np.float64)
    rigid = joints.copy()
    for child, parent in zip(_CHILDREN, _PARENTS, strict=True):
        bone = joints[child] - joints[parent]
        rigid[child] = rigid[parent] + bone * (bones_m[child] / max(float(np.linalg.norm(bone)), 1e-6))
    return rigid


class RunningMedian:
    """The median (n,) of the last `size` rows; worked out anew at every eighth only, since that is what it costs."""

    def __init__(self, width: int, size: int = 256, every: int = 8) -> None:
        self._rows = np.full((size, width), np.nan)
        self._every = every
        self.count = 0
        self.value = np.full(width, np.nan)

    def push(self, row: ArrayLike) -> Array64:
        self._rows[self.count % len(self._rows)] = row
        self.count += 1
        if self.count <= self._every or self.count % self._every == 0:
            self.value = np.asarray(np.median(self._rows[: min(self.count, len(self._rows))], axis=0))
        return self.value


def save_person(path: Path, person: BodyScale) -> None:
    yaml_file.write(path, {
        "person_version": 1,
        "date": yaml_file.today(),
        "name": person.name,
        "scale": person.scale,
        "height_m": float(person.height_m),
        "rigid": bool(person.rigid),
        "bones_m": {JOINT_NAMES[joint]: float(person.bones_m[joint]) for joint in range(1, JOINTS)},
    })


def load_person(path: Path) -> BodyScale:
    content, identity = yaml_file.read(path, "person")
    try:
        bones = np.array([np.nan, *(float(content["bones_m"][name]) for name in JOINT_NAMES[1:])])
        return BodyScale(str(content["name"]), float(content["height_m"]), bones, bool(content["rigid"]),
                         str(content["scale"]), identity)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a person file: make one with 'realtime calibrate person'") from error
