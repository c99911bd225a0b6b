"""One person seen by several placed cameras: one pose in the world, with its own error.

Each camera gives two things. Its rays say where a joint is across its view; its lifted pose says how far away, badly
for the whole person, whose size is a guess, and well for one joint against another. So each camera has one unknown
more, by how much its person is larger and further, and a joint that a single camera sees still has its place. Rays that
contradict the others fade (Cauchy weights, iteratively reweighted least squares; Hartley and Zisserman, Multiple View
Geometry, A6.8).

Axes: C cameras, J joints. Metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.lens.placed import PlacedCamera

Double = NDArray[np.float64]

KEYPOINT = 0.01  # of the person's extent: how far a sure keypoint lies from the joint
_DEFINITION_M = 0.02  # detectors do not agree with themselves on where a joint is, seen from two sides
_TOGETHER = 2.0  # a lifter errs in many joints together: each says so much less than if it erred alone
_LEAST_SCORE = 0.05
# A round each: sigmas from which on a ray fades, and how much less distances count, until the rays have met.
_ROUNDS = ((np.inf, 10.0), (12.0, 3.0), (6.0, 1.0), (3.0, 1.0), (3.0, 1.0), (3.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A person in one camera."""

    rays: Double  # (J, 2): x/z, y/z, NaN where missing
    score: Double  # (J,)
    joints_m: Double  # (J, 3): the lifted pose where it is, in camera axes
    sigma_m: Double  # (J,)
    root_sigma: float  # of the distance, as a share of it


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    joints_m: Double  # (J, 3) in the world
    sigma_m: Double  # (J,): the expected distance from the joint
    ratio: Double  # (C,): by how much each camera's person is larger and further than its lifter said


def fuse(cameras: Sequence[PlacedCamera], seen: Sequence[Seen]) -> Fused:
    """`seen` by one camera each, in the order of `cameras`; one alone gives its lifted pose.

    Raises ValueError for none, or for another number of cameras.
    """
    if not seen or len(cameras) != len(seen):
        raise ValueError(f"{len(seen)} views of a person by {len(cameras)} cameras")
    problem = _Problem.of(cameras, seen)
    points = problem.lifted_world()
    ratio = np.ones(len(seen))
    for far, loose in _ROUNDS:
        points, square = problem.solve(points, ratio, far, loose)
        ratio = problem.ratios(points)
    covariance = np.linalg.inv(square)
    sigma_m = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1) + _DEFINITION_M**2)
    return Fused(points, sigma_m, ratio)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    rotations: Double  # (C, 3, 3)
    shifts_m: Double  # (C, 3)
    rays: Double  # (C, J, 2), 0 where missing
    ray_sigma: Double  # (C, J), inf where missing
    joints_m: Double  # (C, J, 3)
    sigma_m: Double  # (C, J)
    root_sigma: Double  # (C,)

    @classmethod
    def of(cls, cameras: Sequence[PlacedCamera], seen: Sequence[Seen]) -> _Problem:
        rays = np.stack([one.rays for one in seen])
        score = np.stack([one.score for one in seen])
        there = np.isfinite(rays).all(-1) & (score >= _LEAST_SCORE)
        joints_m = np.stack([one.joints_m for one in seen])
        flat = joints_m[..., :2] / joints_m[..., 2:]
        extent = np.linalg.norm(np.ptp(flat, axis=1), axis=-1)  # of the lifted pose: a thrown keypoint is not in it
        ray_sigma = np.where(there, KEYPOINT * extent[:, None] / np.maximum(score, _LEAST_SCORE), np.inf)
        return cls(
            np.stack([one.rotation for one in cameras]), np.stack([one.shift_m for one in cameras]),
            np.where(there[..., None], rays, flat), ray_sigma, joints_m, np.stack([one.sigma_m for one in seen]),
            np.maximum([one.root_sigma for one in seen], 1e-3),
        )  # fmt: skip

    def lifted_world(self) -> Double:
        """(J, 3): where the lifters are on average, the surer ones counting more."""
        world = np.einsum("cki,cjk->cji", self.rotations, self.joints_m - self.shifts_m[:, None])
        weight = 1 / (self.root_sigma * self.joints_m[:, 0, 2]) ** 2
        return np.einsum("c,cji->ji", weight / weight.sum(), world)

    def solve(self, points: Double, ratio: Double, far: float, loose: float) -> tuple[Double, Double]:
        """Joints (J, 3) with the cameras' distances as they are, and the information about each (J, 3, 3)."""
        across, depth = self._rows()
        inside_z = np.einsum("ci,ji->cj", self.rotations[:, 2], points) + self.shifts_m[:, 2:]
        metres = np.maximum(inside_z, 0.1) * self.ray_sigma
        off = self._across_m(points)
        sigmas = np.linalg.norm(off, axis=-1) / metres
        weight = np.where(np.isfinite(metres), 1 / (1 + (sigmas / far) ** 2), 0) / metres**2
        right = self.rays * self.shifts_m[:, None, 2:] - self.shifts_m[:, None, :2]
        depth_weight = 1 / (self.sigma_m * _TOGETHER * loose) ** 2
        wanted_z = self.joints_m[..., 2] * ratio[:, None] - self.shifts_m[:, 2:]
        hidden = ~np.isfinite(self.ray_sigma)  # nothing but the lifter says where it is: across as well
        across_weight = np.where(hidden, depth_weight, weight)
        square = np.einsum("cj,cjai,cjak->jik", across_weight, across, across)
        square += np.einsum("cj,ci,ck->jik", depth_weight, depth, depth)
        vector = np.einsum("cj,cjai,cja->ji", across_weight, across, right)
        vector += np.einsum("cj,ci->ji", depth_weight * wanted_z, depth)
        return np.linalg.solve(square, vector[..., None])[..., 0], square

    def ratios(self, points: Double) -> Double:
        """(C,): by all joints together."""
        inside_z = np.einsum("ci,ji->cj", self.rotations[:, 2], points) + self.shifts_m[:, 2:]
        lifted_z, weight, sure = self.joints_m[..., 2], 1 / self.sigma_m**2, 1 / self.root_sigma**2
        return np.asarray(((weight * lifted_z * inside_z).sum(1) + sure) / ((weight * lifted_z**2).sum(1) + sure))

    def _rows(self) -> tuple[Double, Double]:
        """Of x in the world: p_xy - ray p_z (C, J, 2, 3), and p_z (C, 3)."""
        across = self.rotations[:, None, :2] - self.rays[..., None] * self.rotations[:, None, 2:3]
        return across, self.rotations[:, 2]

    def _across_m(self, points: Double) -> Double:
        inside = np.einsum("cki,ji->cjk", self.rotations, points) + self.shifts_m[:, None]
        return np.asarray(inside[..., :2] - self.rays * inside[..., 2:])
