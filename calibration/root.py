"""Where a person stands: the hip's position in metres from rays and the lifted pose, and its filter over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]
Real = NDArray[np.floating[Any]]

NEAREST_M, FURTHEST_M = 0.3, 60.0
MIN_JOINTS = 4
MIN_SCORE = 0.1
# 1 sigma of a sure keypoint, in metres at the person: detectors err in proportion to the person's size in the image.
_KEYPOINT_M = 0.02
_PASSES = 3  # plain, then twice reweighted: outliers have lost their say by then
_OUTLIER = 2.5  # residuals beyond this many sigmas count as one (Huber)
# Errors of a lifted pose go together in a limb, so 17 joints tell about as much as 4 independent ones.
_CORRELATION = 4.0
_MAX_RELATIVE_SIGMA = 0.35  # a depth less certain than this is no depth
_EYE = np.eye(3)
# Where a Kalman filter's covariance (place, velocity) grows
_PLACE, _VELOCITY = np.kron(np.diag((1.0, 0.0)), _EYE), np.kron(np.diag((0.0, 1.0)), _EYE)
_CROSS = np.kron(((0.0, 1.0), (1.0, 0.0)), _EYE)


@dataclass(frozen=True, slots=True, eq=False)
class RootEstimate:
    """`root_m` (B, 3) in camera axes, NaN where it cannot be placed; 1-sigma errors (B,) along and across its ray."""

    root_m: Array64
    sigma_depth_m: Array64
    sigma_lateral_m: Array64


def place_root(rays: Real, score: Real, joints_m: Real, sigma_m: Real) -> Array:
    """The hip's position in camera axes, metres: (B, 17, 2), (B, 17), (B, 17, 3), (B, 17) -> (B, 3) float32.

    NaN where fewer than four joints are seen, where the answer is behind the camera or out of range, or where the
    seen joints are too close together to tell a depth.
    """
    return solve_root(rays, score, joints_m, sigma_m).root_m.astype(np.float32)


def solve_root(rays: Real, score: Real, joints_m: Real, sigma_m: Real) -> RootEstimate:
    """Weighted least squares on the reprojection, in closed form.

    A joint P of the pose, moved by the root t, is seen along the ray r: (P + t)_xy = r (P + t)_z. That is linear in t.
    With b = r P_z - P_xy the rows read t_xy - r t_z = b; centring them on their weighted mean leaves t_z alone.
    """
    r, pose, score = np.asarray(rays, np.float64), np.asarray(joints_m, np.float64), np.asarray(score)
    seen = _all_finite(r) & _all_finite(pose) & (score >= MIN_SCORE)
    r = np.where(seen[..., None], r, 0.0)
    pose = np.where(seen[..., None], pose, 0.0)
    trust = np.where(seen, np.minimum(score, 1.0), 1.0)
    sigma = np.where(np.isfinite(sigma_m), np.maximum(sigma_m, 0.01), 0.1)
    certainty = seen / (np.square(sigma, dtype=np.float64) + np.square(_KEYPOINT_M / trust))
    b = r * pose[..., 2:] - pose[..., :2]
    moments = np.empty((*seen.shape, 8))  # of each joint: all that the fit needs are sums of them
    moments[..., 0], moments[..., 1:3], moments[..., 3:5] = 1.0, r, b
    for column, products in ((5, r * r), (6, r * b), (7, b * b)):
        np.add.reduce(products, -1, out=moments[..., column])
    fits = np.array([_fit(*person) for person in zip(moments, certainty, strict=True)]).reshape(-1, 5)

    t_z, sigma_lateral = fits[:, 2], np.sqrt(_CORRELATION / fits[:, 3])
    sigma_depth = sigma_lateral / np.sqrt(fits[:, 4])
    nearest_joint = np.minimum.reduce(np.where(seen, pose[..., 2], np.inf), 1) + t_z
    good = (np.add.reduce(seen, 1) >= MIN_JOINTS) & (t_z > NEAREST_M) & (t_z < FURTHEST_M)
    good &= (nearest_joint > NEAREST_M / 3) & (sigma_depth < _MAX_RELATIVE_SIGMA * t_z)
    return RootEstimate(np.where(good[:, None], fits[:, :3], np.nan), sigma_depth, sigma_lateral)


def _fit(moments: Array64, certainty: Array64) -> tuple[float, float, float, float, float]:
    """One person: t_x, t_y, t_z, the total weight and the weighted spread of the rays.

    `moments` (V, 8): 1, r_x, r_y, b_x, b_y, |r|^2, r b, |b|^2; `certainty` (V,): 1 / variance, 0 where unseen. For 17
    joints plain numbers are several times faster than arrays of a few elements.
    """
    weight, scale = certainty, np.sqrt(certainty) / _OUTLIER
    for left in reversed(range(_PASSES)):
        total, *sums = (weight @ moments).tolist()
        total = max(total, 1e-12)
        r_x, r_y, b_x, b_y, rr, rb, _ = (value / total for value in sums)
        spread = max(rr - r_x * r_x - r_y * r_y, 1e-12)
        z = (r_x * b_x + r_y * b_y - rb) / spread
        x, y = b_x + r_x * z, b_y + r_y * z
        if left:  # |t_xy - r t_z - b|^2, multiplied out
            squares = moments @ (x * x + y * y, -2 * x * z, -2 * y * z, -2 * x, -2 * y, z * z, 2 * z, 1.0)
            weight = certainty / np.maximum(np.sqrt(np.maximum(squares, 0.0)) * scale, 1.0)
    return x, y, z, total, spread


def _all_finite(vectors: Array64) -> NDArray[np.bool_]:
    finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(vectors), -1)
    return finite


class RootFilter:
    """A constant-velocity Kalman filter of one person's root, in metres: an estimate for the time asked, no delay.

    A steady walk is followed without lag. Someone who sets off at 1 m/s is followed within 2 cm across the ray; along
    it, where the depth is known to 0.2 m, the estimate is 6 cm behind at the worst and right again after 0.4 s.
    Through a gap it predicts for `coast_s`, then gives NaN.
    """

    def __init__(self, acceleration_psd: float = 3.0, coast_s: float = 0.5) -> None:
        self._psd = acceleration_psd  # m^2/s^3: how much people change their velocity
        self._coast_s = coast_s
        self._state = np.full(6, np.nan)
        self._covariance = np.zeros((6, 6))
        self._t_ns = 0
        self._seen_ns = 0
        self._surprises = 0

    def reset(self) -> None:
        self._state[:] = np.nan

    def update(self, t_ns: int, root_m: Array64, sigma_depth_m: float, sigma_lateral_m: float) -> Array64:
        """The measured root (3,), or NaN, at `t_ns` -> the filtered root (3,), NaN where it is not known."""
        measured = bool(np.isfinite(root_m).all())
        if np.isnan(self._state[0]) or t_ns < self._t_ns or t_ns - self._seen_ns > self._coast_s * 1e9:
            self.reset()
            if measured:
                self._start(t_ns, root_m, sigma_depth_m, sigma_lateral_m)
            return self._state[:3].copy()
        self._predict((t_ns - self._t_ns) * 1e-9)
        self._t_ns = t_ns
        if measured:
            self._correct(root_m, _noise(root_m, sigma_depth_m, sigma_lateral_m))
            self._seen_ns = t_ns
            if self._surprises > 10:  # not an outlier: the person really is elsewhere
                self._start(t_ns, root_m, sigma_depth_m, sigma_lateral_m)
        return self._state[:3].copy()

    def _start(self, t_ns: int, root_m: Array64, sigma_depth_m: float, sigma_lateral_m: float) -> None:
        self._state[:3], self._state[3:] = root_m, 0.0
        self._covariance[:] = 0.0
        self._covariance[:3, :3] = _noise(root_m, sigma_depth_m, sigma_lateral_m)
        self._covariance[3:, 3:] = np.eye(3)  # people start at about 1 m/s
        self._t_ns = self._seen_ns = t_ns
        self._surprises = 0

    def _predict(self, dt: float) -> None:
        self._state[:3] += dt * self._state[3:]
        p = self._covariance
        place, cross, velocity = p[:3, :3], p[:3, 3:], p[3:, 3:]
        place += dt * (cross + cross.T) + dt**2 * velocity
        cross += dt * velocity
        p[3:, :3] = cross.T
        p += self._psd * (dt**3 / 3 * _PLACE + dt**2 / 2 * _CROSS + dt * _VELOCITY)

    def _correct(self, root_m: Array64, noise: Array64) -> None:
        surprise = root_m - self._state[:3]
        p = self._covariance
        information = np.linalg.inv(p[:3, :3] + noise)
        distance2 = float(surprise @ information @ surprise)
        self._surprises = self._surprises + 1 if distance2 > 16.0 else 0
        if distance2 > 16.0:  # beyond 4 sigma: believe it so much less
            information = np.linalg.inv(p[:3, :3] + noise * (distance2 / 4.0))
        gain = p[:, :3] @ information
        self._state += gain @ surprise
        p = p - gain @ p[:3, :]
        self._covariance = (p + p.T) / 2


def _noise(root_m: Array64, sigma_depth_m: float, sigma_lateral_m: float) -> Array64:
    """Measurement covariance (3, 3): long along the ray, short across it."""
    along = root_m / max(float(np.linalg.norm(root_m)), 1e-9)
    lateral = sigma_lateral_m**2
    noise: Array64 = lateral * _EYE + max(sigma_depth_m**2 - lateral, 0.0) * np.outer(along, along)
    return noise
