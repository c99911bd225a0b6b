"""What is believed of one person in the room, and how well a camera's sight fits it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.fuse import Fused
from calibration.lens.placed import PlacedCamera
from realtime.clock import NS_PER_S
from realtime.fusion.timeline import Sight

Double = NDArray[np.float64]
_DEPTH = 0.15  # relative error of a lifted person's distance: most people's size is a guess
_ROOT_M = 0.15  # of a hip across the view, detectors' definitions and all
_BODY_M = 0.2  # by how much the same person's poses differ from camera to camera
_RAY_M = 0.15  # by how much rays miss the joints of their own person
_PACE_M_S = 2.0


@dataclass(slots=True, eq=False)
class Belief:
    """A person. `members`: the camera's own number of them, by camera; kept while a camera does not see them."""

    number: int
    joints_m: Double  # (17, 3) in the world
    sigma_m: Double  # (17,)
    root_covariance: Double  # (3, 3)
    seen_ns: int
    moments: int = 0  # at which they were seen
    cameras: int = 1  # that saw them at `seen_ns`
    members: dict[int, int] = field(default_factory=dict)
    alike: dict[int, int] = field(default_factory=dict)  # others who may be the same person: moments in a row

    def update(self, fused: Fused, sights: list[Sight], placed: list[PlacedCamera], at_ns: int) -> None:
        self.joints_m, self.sigma_m, self.seen_ns, self.cameras = fused.joints_m, fused.sigma_m, at_ns, len(sights)
        self.moments += 1
        if len(sights) > 1:
            self.root_covariance = np.eye(3) * _ROOT_M**2 / 2
        else:
            self.root_covariance = root_covariance(sights[0], placed[sights[0].camera])
        for sight in sights:
            self.members[sight.camera] = sight.track_id


def root_covariance(sight: Sight, placed: PlacedCamera) -> Double:
    """Of a single camera's hip in the world: long along the view."""
    hip = sight.seen.joints_m[0]
    along = placed.rotation.T @ (hip / np.linalg.norm(hip))
    return np.asarray((_DEPTH * hip[2]) ** 2 * np.outer(along, along) + _ROOT_M**2 * np.eye(3))


def misfit(sight: Sight, placed: PlacedCamera, belief: Belief, at_ns: int) -> float:
    """How badly a sight fits a person: 1 is usual, by hips, bodies, and, where two cameras have placed them, rays."""
    world_m = placed.to_world(sight.seen.joints_m)
    away_s = max(at_ns - belief.seen_ns, 0) / NS_PER_S
    covariance = root_covariance(sight, placed) + belief.root_covariance + np.eye(3) * (_PACE_M_S * away_s) ** 2
    off_m = world_m[0] - belief.joints_m[0]
    hips = float(off_m @ np.linalg.solve(covariance, off_m)) / 3
    bodies = np.linalg.norm((world_m - world_m[0]) - (belief.joints_m - belief.joints_m[0]), axis=1).mean() / _BODY_M
    rays = 0.0
    if belief.cameras > 1 and away_s < 0.3:
        inside = placed.to_camera(belief.joints_m)
        sure = sight.seen.score > 0.3
        if sure.sum() >= 4:
            missed = np.linalg.norm(inside[:, :2] - sight.seen.rays * inside[:, 2:], axis=1)[sure]
            rays = float(np.median(missed)) / _RAY_M
    return hips + float(bodies) ** 2 + rays**2
