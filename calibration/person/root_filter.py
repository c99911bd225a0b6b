"""A person's root over time: a Kalman filter in plain numbers, which for so few are quicker than arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from calibration.person.plain import Point

_SURPRISE2: Final = 16.0  # beyond 4 sigma a measurement is believed so much less
_MOST_M_S: Final = 0.8  # a measurement moves the root no faster, beyond its own motion: depths leap where legs come in
_PATIENCE: Final = 10  # such measurements on end: not outliers, the person really is elsewhere


@dataclass(slots=True)
class _Axis:
    """The covariance of place and velocity along an axis, in m^2, m^2/s and m^2/s^2."""

    place: float
    cross: float
    velocity: float

    def predict(self, dt: float, acceleration_psd: float) -> None:
        self.place += dt * (2 * self.cross + dt * self.velocity + dt * dt * acceleration_psd / 3)
        self.cross += dt * (self.velocity + dt * acceleration_psd / 2)
        self.velocity += dt * acceleration_psd

    def correct(self, variance: float) -> tuple[float, float]:
        """The gains of place and velocity for a measurement of the place."""
        known = self.place + variance
        gain, gain_velocity = self.place / known, self.cross / known
        self.velocity -= gain_velocity * self.cross
        self.place, self.cross = self.place * (1 - gain), self.cross * (1 - gain)
        return gain, gain_velocity


class RootFilter:
    """A constant-velocity Kalman filter of one person's root, in metres: an estimate for the time asked, no delay.

    Errors are long along the ray to the person and short across it, and turn with it. A steady walk is followed without
    lag. Someone who sets off at 1 m/s is followed within 2 cm across the ray; along it, where the depth is known to
    0.2 m, the estimate is 6 cm behind at the worst and right again after 0.4 s.
    Through a gap it predicts for `coast_s`, then gives NaN.
    """

    def __init__(self, acceleration_psd: float = 3.0, coast_s: float = 0.5) -> None:
        self._psd = acceleration_psd  # m^2/s^3: how much people change their velocity
        self._coast_s = coast_s
        self._along, self._across = _Axis(0, 0, 0), _Axis(0, 0, 0)
        self._velocity: Point = (0.0, 0.0, 0.0)
        self._t_ns = 0
        self._seen_ns = 0
        self._surprises = 0
        self.reset()

    def reset(self) -> None:
        self._place: Point = (math.nan, math.nan, math.nan)

    def update(self, t_ns: int, root_m: Point, sigma_depth_m: float, sigma_lateral_m: float) -> Point:
        """The measured root, or NaN, at `t_ns` -> the filtered root, NaN where it is not known."""
        measured = math.isfinite(root_m[0] + root_m[1] + root_m[2])
        if math.isnan(self._place[0]) or t_ns < self._t_ns or t_ns - self._seen_ns > self._coast_s * 1e9:
            self.reset()
            if measured:
                self._start(t_ns, root_m, sigma_depth_m, sigma_lateral_m)
            return self._place
        dt = (t_ns - self._t_ns) * 1e-9
        self._predict(dt)
        self._t_ns = t_ns
        if measured:
            self._correct(root_m, max(sigma_depth_m, sigma_lateral_m) ** 2, sigma_lateral_m**2, dt)
            self._seen_ns = t_ns
            if self._surprises > _PATIENCE:
                self._start(t_ns, root_m, sigma_depth_m, sigma_lateral_m)
        return self._place

    def _start(self, t_ns: int, root_m: Point, sigma_depth_m: float, sigma_lateral_m: float) -> None:
        self._place, self._velocity = root_m, (0.0, 0.0, 0.0)
        # people start at about 1 m/s
        self._along = _Axis(max(sigma_depth_m, sigma_lateral_m) ** 2, 0.0, 1.0)
        self._across = _Axis(sigma_lateral_m**2, 0.0, 1.0)
        self._t_ns = self._seen_ns = t_ns
        self._surprises = 0

    def _predict(self, dt: float) -> None:
        (x, y, z), (v_x, v_y, v_z) = self._place, self._velocity
        self._place = x + dt * v_x, y + dt * v_y, z + dt * v_z
        self._along.predict(dt, self._psd)
        self._across.predict(dt, self._psd)

    def _correct(self, root_m: Point, depth_variance: float, lateral_variance: float, dt: float) -> None:
        """The surprise along the ray and the rest of it are each weighed by their own errors."""
        (x, y, z), (v_x, v_y, v_z) = self._place, self._velocity
        off_x, off_y, off_z = root_m[0] - x, root_m[1] - y, root_m[2] - z
        away = max(math.sqrt(root_m[0] ** 2 + root_m[1] ** 2 + root_m[2] ** 2), 1e-9)
        ray_x, ray_y, ray_z = root_m[0] / away, root_m[1] / away, root_m[2] / away
        along = ray_x * off_x + ray_y * off_y + ray_z * off_z
        across2 = max(off_x * off_x + off_y * off_y + off_z * off_z - along * along, 0.0)
        distance2 = along * along / (self._along.place + depth_variance)
        distance2 += across2 / (self._across.place + lateral_variance)
        self._surprises = self._surprises + 1 if distance2 > _SURPRISE2 else 0
        doubt = distance2 / 4.0 if distance2 > _SURPRISE2 else 1.0
        gain_along, speed_along = self._along.correct(depth_variance * doubt)
        gain_across, speed_across = self._across.correct(lateral_variance * doubt)
        more = (gain_along - gain_across) * along
        step_x, step_y, step_z = (
            gain_across * off_x + more * ray_x, gain_across * off_y + more * ray_y, gain_across * off_z + more * ray_z
        )  # fmt: skip
        far, most = math.sqrt(step_x * step_x + step_y * step_y + step_z * step_z), _MOST_M_S * dt
        share = most / far if far > most else 1.0
        self._place = x + share * step_x, y + share * step_y, z + share * step_z
        across, more = share * speed_across, share * (speed_along - speed_across) * along
        self._velocity = (
            v_x + across * off_x + more * ray_x, v_y + across * off_y + more * ray_y,
            v_z + across * off_z + more * ray_z,
        )  # fmt: skip
