"""Where somebody who was seen will be next: a Kalman filter of place and speed, and of the logarithm of their size.

Lengths are in bodies (`look.BODY_M` at the person's distance): near and far people, and all pictures, are alike.
Plain numbers: a filter of a few of them costs less than an array's call.
"""

from __future__ import annotations

import math

PLACE_SIGMA = 0.03  # of one sighting's trunk
START_SPEED_SIGMA = 0.7  # bodies a second: a walker has 0.8, a runner 2
_SPEED_NOISE = 0.8  # bodies/s, in a second: people start, stop and turn
_SPEED_LASTS_S = 2.0  # nobody walks on for ever
_SIZE_NOISE = 0.25  # relative, in a second: towards the camera people grow
_MOST_SIZE_SIGMA = 0.5
_WILD = 3.0  # sigmas: a sighting further off pulls no more than this


class Motion:
    """Of one person. Read `place_px`, `size_px` and their errors after `predict`; tell what was seen by `see`."""

    def __init__(self, place_px: tuple[float, float], size_px: float, size_sigma: float) -> None:
        self.place_px = place_px
        self.size_px = size_px
        self._speed_px = 0.0, 0.0  # a second
        self._place_var, self._cross_var, self._speed_var = PLACE_SIGMA**2, 0.0, START_SPEED_SIGMA**2  # bodies
        self._size_var = size_sigma**2

    @property
    def place_var(self) -> float:
        """Of a sighting about `place_px`, each axis, in bodies."""
        return self._place_var + PLACE_SIGMA**2

    @property
    def size_var(self) -> float:
        """Relative, of `size_px`."""
        return self._size_var

    def ahead(self, dt_s: float) -> Motion:
        """The same person `dt_s` later, unseen."""
        later = Motion.__new__(Motion)
        kept = math.exp(-dt_s / _SPEED_LASTS_S)
        lasting_s = _SPEED_LASTS_S * (1 - kept)
        later.size_px = self.size_px
        later.place_px = (self.place_px[0] + lasting_s * self._speed_px[0],
                          self.place_px[1] + lasting_s * self._speed_px[1])  # fmt: skip
        later._speed_px = kept * self._speed_px[0], kept * self._speed_px[1]
        noise = _SPEED_NOISE**2 * dt_s
        later._place_var = (
            self._place_var + 2 * lasting_s * self._cross_var + lasting_s**2 * self._speed_var
            + noise * lasting_s**2 / 3
        )  # fmt: skip
        later._cross_var = kept * (self._cross_var + lasting_s * self._speed_var) + noise * lasting_s / 2
        later._speed_var = kept**2 * self._speed_var + noise
        later._size_var = min(self._size_var + _SIZE_NOISE**2 * dt_s**2, _MOST_SIZE_SIGMA**2)
        return later

    def see(self, off_px: tuple[float, float], size_px: float, size_sigma: float) -> None:
        """A sighting so far from `place_px`, of this size."""
        far = math.hypot(*off_px) / self.size_px / math.sqrt(self.place_var)
        trust = min(1.0, _WILD / far) if far else 1.0
        gain, speed_gain = self._place_var / self.place_var, self._cross_var / self.place_var
        x, y = off_px[0] * trust, off_px[1] * trust
        self.place_px = self.place_px[0] + gain * x, self.place_px[1] + gain * y
        self._speed_px = self._speed_px[0] + speed_gain * x, self._speed_px[1] + speed_gain * y
        self._speed_var -= speed_gain * self._cross_var
        self._place_var, self._cross_var = (1 - gain) * self._place_var, (1 - gain) * self._cross_var
        share = self._size_var / (self._size_var + size_sigma**2)
        self.size_px *= math.exp(share * math.log(size_px / self.size_px))
        self._size_var *= 1 - share
