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
    r = np.asarray(rays, np.float64)
    pose = np.asarray(joints_m, np.float64)
    seen = np.isfinite(r).all(-1) & np.isfinite(pose).all(-1) & (np.asarray(score) >= MIN_SCORE)
    r = np.where(seen[..., None], r, 0.0)
    pose = np.where(seen[..., None], pose, 0.0)
    trust = np.where(seen, np.clip(score, MIN_SCORE, 1.0), 1.0).astype(np.float64)
    sigma = np.where(np.isfinite(sigma_m), np.maximum(sigma_m, 0.01), 0.1).astype(np.float64)
    variance = np.square(sigma) + np.square(_KEYPOINT_M / trust)
    inverse_variance = np.where(seen, 1.0 / variance, 0.0)
    b = r * pose[..., 2:] - pose[..., :2]

    huber = np.ones(seen.shape)
    for left in reversed(range(_PASSES)):
        weight = huber * inverse_variance
        total = np.maximum(weight.sum(1, keepdims=True), 1e-12)
        share = (weight / total)[..., None]
        r_mean, b_mean = (share * r).sum(1), (share * b).sum(1)
        r_centred = r - r_mean[:, None]
        spread = np.maximum((share * r_centred * r_centred).sum((1, 2)), 1e-12)
        t_z = -(share * r_centred * (b - b_mean[:, None])).sum((1, 2)) / spread
        t_xy = b_mean + r_mean * t_z[:, None]
        if left:
            error = np.hypot(*np.moveaxis(t_xy[:, None] - r * t_z[:, None, None] - b, -1, 0)) / np.sqrt(variance)
            huber = _OUTLIER / np.maximum(error, _OUTLIER)

    sigma_lateral = np.sqrt(_CORRELATION / total[:, 0])
    sigma_depth = sigma_lateral / np.sqrt(spread)
    nearest_joint = np.where(seen, pose[..., 2], np.inf).min(1) + t_z
    good = (seen.sum(1) >= MIN_JOINTS) & (t_z > NEAREST_M) & (t_z < FURTHEST_M) & (nearest_joint > NEAREST_M / 3)
    good &= sigma_depth < _MAX_RELATIVE_SIGMA * t_z
    root = np.where(good[:, None], np.concatenate([t_xy, t_z[:, None]], 1), np.nan)
    return RootEstimate(root, sigma_depth, sigma_lateral)


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
        step = np.eye(6)
        step[:3, 3:] = dt * np.eye(3)
        p = step @ self._covariance @ step.T
        for i in range(3):
            p[i, i] += self._psd * dt**3 / 3
            p[i + 3, i + 3] += self._psd * dt
            p[i, i + 3] += self._psd * dt**2 / 2
            p[i + 3, i] += self._psd * dt**2 / 2
        self._covariance = p

    def _correct(self, root_m: Array64, noise: Array64) -> None:
        surprise = root_m - self._state[:3]
        p = self._covariance
        distance2 = float(surprise @ np.linalg.solve(p[:3, :3] + noise, surprise))
        self._surprises = self._surprises + 1 if distance2 > 16.0 else 0
        if distance2 > 16.0:  # beyond 4 sigma: believe it so much less
            noise = noise * (distance2 / 4.0)
        gain = np.linalg.solve(p[:3, :3] + noise, p[:3, :]).T
        self._state += gain @ surprise
        p = p - gain @ p[:3, :]
        self._covariance = (p + p.T) / 2


def _noise(root_m: Array64, sigma_depth_m: float, sigma_lateral_m: float) -> Array64:
    """Measurement covariance (3, 3): long along the ray, short across it."""
    along = root_m / max(float(np.linalg.norm(root_m)), 1e-9)
    lateral = sigma_lateral_m**2
    noise: Array64 = lateral * np.eye(3) + max(sigma_depth_m**2 - lateral, 0.0) * np.outer(along, along)
    return noise
