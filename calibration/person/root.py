"""Where a person stands: the hip's position in metres from rays and the lifted pose, and its filter over time.

Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.person.plain import Point, Ray, Real, points_of

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]
Joint = tuple[float, float, float, float, float]  # a seen joint P on the ray r: certainty, r_x, r_y, b_x, b_y

NEAREST_M: Final = 0.3
FURTHEST_M: Final = 60.0
MIN_JOINTS: Final = 3
MIN_SCORE: Final = 0.1
# 1 sigma of a sure keypoint, in metres at the person: detectors err in proportion to the person's size in the image.
_KEYPOINT_M: Final = 0.02
_PASSES: Final = 3  # plain, then twice reweighted: outliers have lost their say by then
_OUTLIER: Final = 2.5  # residuals beyond this many sigmas count as one (Huber)
# Errors of a lifted pose go together in a limb, so 17 joints tell about as much as 4 independent ones.
_CORRELATION: Final = 4.0
_COMMON: Final = 0.7  # of the least squared error of a pose's seen joints, which all have in common
_LEAST_ERROR_M2: Final = 1e-4
_MAX_RELATIVE_SIGMA: Final = 1.0  # a depth less certain than this is no depth
_LEAST: Final = 1e-12


class Root(NamedTuple):
    """One person's hip in camera axes, NaN where it cannot be placed; its 1-sigma errors along and across the ray."""

    x_m: float
    y_m: float
    z_m: float
    sigma_depth_m: float
    sigma_lateral_m: float

    def scaled(self, factor: float) -> Root:
        """Of a person so many times as large, who is as many times further away."""
        return Root(factor * self.x_m, factor * self.y_m, factor * self.z_m, factor * self.sigma_depth_m,
                    factor * self.sigma_lateral_m)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class RootEstimate:
    """`root_m` (B, 3) in camera axes, NaN where it cannot be placed; 1-sigma errors (B,) along and across its ray."""

    root_m: Array64
    sigma_depth_m: Array64
    sigma_lateral_m: Array64


def place_root(rays: Real, score: Real, joints_m: Real, sigma_m: Real) -> Array:
    """The hip's position in camera axes, metres: (B, 17, 2), (B, 17), (B, 17, 3), (B, 17) -> (B, 3) float32.

    NaN where fewer than three joints are seen, where the answer is behind the camera or out of range, or where the
    seen joints are too close together to tell a depth.
    """
    return solve_root(rays, score, joints_m, sigma_m).root_m.astype(np.float32)


def solve_root(rays: Real, score: Real, joints_m: Real, sigma_m: Real) -> RootEstimate:
    """`place_root` with its errors."""
    solved = np.array([
        root_of_one([(x, y) for x, y in person_rays.tolist()], trust.tolist(), points_of(pose_m), errors_m.tolist())
        for person_rays, trust, pose_m, errors_m in zip(rays, score, joints_m, sigma_m)
    ]).reshape(-1, 5)  # fmt: skip
    return RootEstimate(solved[:, :3], solved[:, 3], solved[:, 4])


def root_of_one(rays: list[Ray | None], score: list[float], joints_m: list[Point], sigma_m: list[float]) -> Root:
    """One person's root, by weighted least squares on the reprojection, in closed form.

    A joint P of the pose, moved by the root t, is seen along the ray r: (P + t)_xy = r (P + t)_z. That is linear in t.
    With b = r P_z - P_xy the rows read t_xy - r t_z = b; centring them on their weighted mean leaves t_z alone.
    """
    nearest = least = math.inf
    seen: list[tuple[float, float, float, float, float, float]] = []
    for ray, trust, joint, sigma in zip(rays, score, joints_m, sigma_m):
        if ray is None or not trust >= MIN_SCORE:
            continue
        r_x, r_y = ray
        x, y, z = joint
        if math.isfinite(r_x + r_y + x + y + z):
            sigma = sigma if math.isfinite(sigma) else 0.1
            seen.append((trust, sigma, r_x, r_y, r_x * z - x, r_y * z - y))
            nearest, least = min(nearest, z), min(least, sigma)
    # what all have in common is where the hip is, if it is not seen: it says nothing of how far away they are
    common = _COMMON * least * least
    joints: list[Joint] = []
    for trust, sigma, r_x, r_y, b_x, b_y in seen:
        keypoint = _KEYPOINT_M / min(trust, 1.0)
        weight = 1 / (max(sigma * sigma - common, _LEAST_ERROR_M2) + keypoint * keypoint)
        joints.append((weight, r_x, r_y, b_x, b_y))
    x, y, z, total, spread = _fit(joints)
    sigma_lateral = math.sqrt(_CORRELATION / total)
    sigma_depth = sigma_lateral / math.sqrt(spread)
    good = len(joints) >= MIN_JOINTS and NEAREST_M < z < FURTHEST_M
    good = good and nearest + z > NEAREST_M / 3 and sigma_depth < _MAX_RELATIVE_SIGMA * z
    if not good:
        x = y = z = math.nan
    return Root(x, y, z, sigma_depth, sigma_lateral)


def _fit(joints: list[Joint]) -> tuple[float, float, float, float, float]:
    """t_x, t_y, t_z, the total weight and the weighted spread of the rays."""
    x = y = z = 0.0
    for turn in range(_PASSES):
        total = _LEAST
        r_x = r_y = b_x = b_y = rr = rb = 0.0
        for weight, u, v, b_u, b_v in joints:
            if turn:
                off_x, off_y = b_u + u * z - x, b_v + v * z - y
                sigmas = math.sqrt((off_x * off_x + off_y * off_y) * weight)
                weight *= _OUTLIER / max(sigmas, _OUTLIER)
            w_u, w_v = weight * u, weight * v
            total += weight
            r_x += w_u
            r_y += w_v
            b_x += weight * b_u
            b_y += weight * b_v
            rr += w_u * u + w_v * v
            rb += w_u * b_u + w_v * b_v
        r_x, r_y, b_x, b_y = r_x / total, r_y / total, b_x / total, b_y / total
        spread = max(rr / total - r_x * r_x - r_y * r_y, _LEAST)
        z = (r_x * b_x + r_y * b_y - rb / total) / spread
        x, y = b_x + r_x * z, b_y + r_y * z
    return x, y, z, total, spread
