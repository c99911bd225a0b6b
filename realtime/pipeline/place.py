"""A lifted pose to its place: the person's real size, the hip in metres, camera axes or the world's.

The lifter process makes one `Placer` for the calibration in force; another calibration is another `Placer`, so no
frame ever mixes two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.contact import floor_depth, floor_scale, lowest_foot
from calibration.floor.ground import Ground
from calibration.lens.camera_file import GUESS
from calibration.lens.rays import Camera
from calibration.person.body_scale import ANKLE_HEIGHT, BodyScale, RunningMedian, bone_lengths, make_rigid, stature
from calibration.person.root import root_of_one
from calibration.person.root_filter import RootFilter
from engines.errors import UserError
from engines.models.skeleton import JOINTS

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]
Pose = NDArray[np.floating[Any]]

_FORGET_NS = 5_000_000_000
_ENOUGH_STEPS = 30  # frames with a foot on the floor before the floor's word on the size counts
_ASSUMED_ANKLE_M = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    root_m: Array  # (3,), NaN where it cannot be placed
    joints_m: Array  # (17, 3), relative to the hip, in the axes of `space`
    sigma_m: Array  # (17,), the pose's errors at its real size
    space: str  # camera | world
    scale: str  # assumed | height | measured


class _Track:
    """What is remembered of one person."""

    def __init__(self) -> None:
        self.root = RootFilter()
        self.bones = RunningMedian(JOINTS)
        self.floor_factor = RunningMedian(1)
        self.seen_ns = 0


class Placer:
    """Places one person of one frame at a time; remembers each track's size and motion."""

    def __init__(self, camera: Camera, ground: Ground | None = None, person: BodyScale | None = None) -> None:
        if ground is not None and ground.source != "angles" and ground.camera_identity != camera.identity:
            raise UserError("the ground was measured with another camera calibration: run 'realtime calibrate ground' "
                            "with this one")
        self.camera, self.ground, self.person = camera, ground, person
        self.space = "camera" if ground is None else "world"
        parts = (camera.identity, ground.identity if ground else "", person.identity if person else "")
        # "" without any calibration; otherwise it changes when any byte of any file in force does.
        name = hashlib.sha256("/".join(parts).encode()).hexdigest()[:12] if any(parts) else ""
        self.calibration = GUESS + name if camera.identity.startswith(GUESS) else name
        self._height_m = _known_height(person)
        self._tracks: dict[int, _Track] = {}

    def forget(self, track_id: int) -> None:
        """The person left or became another: start anew."""
        self._tracks.pop(track_id, None)

    def place(
        self, rays: Array, score: Array, joints_m: Array, sigma_m: Array, t_ns: int, track_id: int
    ) -> Placed:
        """One person: (17, 2), (17,), (17, 3), (17,), all of the same moment `t_ns`.

        A pose that lags (look-ahead) wants the rays and the time of its own frame, not of the newest.
        """
        track = self._track(track_id, t_ns)
        pose, factor, scale = self._sized(joints_m, track)
        sigma = sigma_m if factor == 1.0 else sigma_m * np.float32(factor)
        *root, depth_sigma, lateral_sigma = root_of_one(rays.tolist(), score.tolist(), pose.tolist(), sigma.tolist())
        if self.ground is not None and np.isfinite(root).all():
            stood, depth_sigma = self._stand(
                self.ground, rays, score, pose, sigma, np.array(root), depth_sigma, factor, track
            )
            root = stood.tolist()
        root_m = np.array(track.root.update(t_ns, root, depth_sigma, lateral_sigma))
        if self.ground is not None:
            root_m, pose = self.ground.to_world(root_m), self.ground.turn(pose)
        return Placed(root_m.astype(np.float32), pose.astype(np.float32, copy=False), sigma, self.space, scale)

    def _track(self, track_id: int, t_ns: int) -> _Track:
        for old in [key for key, track in self._tracks.items() if t_ns - track.seen_ns > _FORGET_NS]:
            del self._tracks[old]
        track = self._tracks.get(track_id)
        if track is None:
            track = self._tracks[track_id] = _Track()
        track.seen_ns = t_ns
        return track

    def _sized(self, pose: Array, track: _Track) -> tuple[Pose, float, str]:
        """The pose at its real size, the factor it took, and what that rests on."""
        if self.person is not None and np.isfinite(self._height_m):
            bones = track.bones.push(bone_lengths(pose))
            factor = self._height_m / max(float(stature(bones)), 0.1)
            rigid = make_rigid(pose, self.person.bones_m) if self.person.rigid else pose * factor
            return rigid, factor, self.person.scale
        if self.ground is not None and track.floor_factor.count >= _ENOUGH_STEPS:
            factor = float(track.floor_factor.value[0])
            return pose * factor, factor, self.ground.scale
        return pose, 1.0, "assumed"

    def _stand(
        self, ground: Ground, rays: Array, score: Array, pose: Pose, sigma: Array, root: Array64,
        depth_sigma: float, factor: float, track: _Track,
    ) -> tuple[Array64, float]:
        """The root corrected by the foot on the floor, and its error; learns the person's size where it is unknown."""
        foot = lowest_foot(pose, rays, score, ground.up)
        if foot is None:
            return root, depth_sigma
        unsized = not np.isfinite(self._height_m)
        ankle_m = _ASSUMED_ANKLE_M * factor if unsized else ANKLE_HEIGHT * self._height_m
        foot_depth = float(root[2] + pose[foot, 2])
        if unsized:
            step = floor_scale(rays[foot], foot_depth / factor, ground, _ASSUMED_ANKLE_M)
            if 0.3 < step < 3.0:
                track.floor_factor.push([step])
            if track.floor_factor.count < _ENOUGH_STEPS:
                return root, depth_sigma
        depth, floor_sigma = floor_depth(rays[foot], ground, ankle_m)
        floor_sigma = float(np.hypot(floor_sigma, sigma[foot]))
        gap = depth - foot_depth
        if not abs(gap) < 3.0 * np.hypot(depth_sigma, floor_sigma):  # in the air, on a chair, or the ray tells none
            return root, depth_sigma
        share = depth_sigma**2 / (depth_sigma**2 + floor_sigma**2)
        return root * (1 + share * gap / root[2]), depth_sigma * float(np.sqrt(1 - share))


def _known_height(person: BodyScale | None) -> float:
    if person is None:
        return float("nan")
    return person.height_m if np.isfinite(person.height_m) else float(stature(person.bones_m))
