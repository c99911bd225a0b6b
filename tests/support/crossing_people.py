"""People who cross in front of a camera, as a detector sees them: known exactly, walking, of builds of their own.

The detector errs as the one in use does on film (measured there: its size of a person within 2 to 7 %, its bones
within 4 to 20 %, mostly the same way for as long as a person is seen from one side). The more of a person somebody
nearer hides, the less it sees of them and the more it takes the other's joints for theirs, or does not find them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from people_in_view import BODY_M

from engines.models.skeleton import PARENTS

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]
FOCAL_PX, CENTRE_PX = 1100.0, np.array((960.0, 540.0))
NS_PER_S = 1_000_000_000
# The bones of BODY_M in pairs of left and right: people differ in each.
_BONES = ((1, 4), (2, 5), (3, 6), (7, 8), (9, 10), (11, 14), (12, 15), (13, 16))
_BUILD_SPREAD, _BUILD_BIAS = 0.06, 0.05  # of people; of what the detector makes of them
_JITTER, _HIDDEN_JITTER, _DEPTH_JITTER = 0.008, 0.04, 0.03  # parts of a body
_TURN_S = 0.25  # in about so long somebody has turned about
_OVERLAP = 0.8  # of the smaller box, where people meet
_MERGED = 0.3  # so far the joints of somebody who is hidden are where the other's are
_LASTING = 0.8  # of an error, from a 30th of a second to the next


@dataclass(frozen=True)
class Walker:
    """Goes past the camera in a straight line, unless they turn about where they meet the others."""

    bones: Array64  # (17,) factors of BODY_M's
    believed: Array64  # (17,) factors of what the detector makes of their bones
    depth_m: float
    speed_m_s: float  # to the right, or to the left where it is negative
    aside_m: float  # of where the others are met, at t = 0
    stride: float  # phase
    turns_back: bool

    def joints_m(self, t_s: float, bones: Array64) -> Array64:
        """(17, 3) about the hip, camera axes, one stride a second."""
        swing = np.sin(2 * np.pi * (t_s + self.stride)) * 0.4
        parts = BODY_M[1:] - BODY_M[list(PARENTS[1:])]
        for joints, way in (((2, 3), 1), ((5, 6), -1), ((12, 13), 1), ((15, 16), -1)):
            for joint in joints:
                x, y, z = parts[joint - 1]
                c, s = np.cos(way * swing), np.sin(way * swing)
                parts[joint - 1] = x, c * y - s * z, s * y + c * z
        joints = np.zeros((17, 3))
        for joint in range(1, 17):
            joints[joint] = joints[PARENTS[joint]] + bones[joint] * parts[joint - 1]
        heading = self._heading(t_s)  # they face where they go, and the camera a little
        c, s = np.cos(1.1 * heading), np.sin(1.1 * heading)
        return np.asarray(joints @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))

    def root_m(self, t_s: float) -> Array64:
        way = _TURN_S - np.hypot(t_s, _TURN_S) if self.turns_back else t_s
        return np.array((self.aside_m + self.speed_m_s * way, 0.1, self.depth_m))

    def _heading(self, t_s: float) -> float:
        """-1: to the left, 1: to the right, 0: towards the camera."""
        way = -t_s / np.hypot(t_s, _TURN_S) if self.turns_back else 1.0
        return float(np.copysign(1.0, self.speed_m_s) * way)

    def picture_px(self, t_s: float) -> Array64:
        """(17, 2) where they are seen."""
        return in_picture(self.joints_m(t_s, self.bones) + self.root_m(t_s))


def in_picture(points_m: Array64) -> Array64:
    return np.asarray(points_m[..., :2] / points_m[..., 2:] * FOCAL_PX + CENTRE_PX)


def walkers(rng: np.random.Generator, people: int, turning_back: float = 0.0) -> list[Walker]:
    """They meet in the picture at t = 0, where neighbours overlap by 80 % and more: each at least half a metre nearer
    than the next, neighbours walking opposite ways. A share of them turns about there."""
    while True:
        met = _drawn(rng, people, turning_back)
        pictures = [walker.picture_px(0.0) for walker in met]
        if all(overlap(one, other) >= _OVERLAP for one, other in pairwise(pictures)):
            return met


def _drawn(rng: np.random.Generator, people: int, turning_back: float) -> list[Walker]:
    depth_m, met = rng.uniform(3.0, 4.5), []
    for number in range(people):
        stature = rng.uniform(0.9, 1.12)
        met.append(Walker(
            stature * _factors(rng, _BUILD_SPREAD), _factors(rng, _BUILD_BIAS), depth_m,
            float(rng.uniform(0.7, 1.6) * (-1) ** number), float(rng.uniform(-0.03, 0.03)), float(rng.random()),
            bool(rng.random() < turning_back),
        ))  # fmt: skip
        depth_m += rng.uniform(0.5, 1.2)
    return met


def _factors(rng: np.random.Generator, spread: float) -> Array64:
    out = np.ones(17)
    for bones in _BONES:
        out[list(bones)] = np.exp(rng.normal(0, spread))
    return out


def overlap(one_px: Array64, other_px: Array64) -> float:
    """The part of the smaller one's box that both boxes have."""
    low, high = (np.stack([edge(xy_px, axis=0) for xy_px in (one_px, other_px)]) for edge in (np.min, np.max))
    both = (high.min(0) - low.max(0)).clip(0).prod()
    return float(both / (high - low).prod(1).min())


@dataclass(frozen=True)
class Found:
    """Of one frame, in the detector's order: who they are, and what it says of them."""

    t_ns: int
    who: list[int]
    skeletons_px: list[Array]
    joints_m: list[Array]  # the detector's own 3D


class Film:
    """The frames of `walkers` from `-seconds` to `seconds`. `hidden_s`: for so long about the meeting those who are
    behind somebody are not found."""

    def __init__(
        self, rng: np.random.Generator, people: Sequence[Walker], rate_hz: float = 30.0, seconds: float = 2.0,
        hidden_s: float = 0.0,
    ) -> None:  # fmt: skip
        self._rng, self._people, self._hidden_s = rng, people, hidden_s
        self._kept = _LASTING ** (30 / rate_hz)
        self._errors = rng.normal(size=(len(people), 17, 5))
        self._times_s = np.arange(-seconds, seconds, 1 / rate_hz)

    def frames(self) -> list[Found]:
        return [self._frame(float(t_s)) for t_s in self._times_s]

    def _frame(self, t_s: float) -> Found:
        fresh = np.sqrt(1 - self._kept**2)
        self._errors = self._kept * self._errors + fresh * self._rng.normal(size=self._errors.shape)
        pictures = [walker.picture_px(t_s) for walker in self._people]
        order = [int(who) for who in self._rng.permutation(len(self._people)) if self._is_found(int(who), t_s)]
        seen = [self._seen(who, t_s, pictures) for who in order]
        at_ns = round((t_s - float(self._times_s[0])) * NS_PER_S)
        return Found(at_ns, order, [xy_px for xy_px, _ in seen], [joints for _, joints in seen])

    def _behind(self, who: int, pictures: list[Array64]) -> tuple[float, int]:
        """The largest part of them that somebody nearer covers, and who that is. People are listed nearest first."""
        return max(((overlap(pictures[who], pictures[other]), other) for other in range(who)), default=(0.0, who))

    def _is_found(self, who: int, t_s: float) -> bool:
        return who == 0 or abs(t_s) > self._hidden_s / 2

    def _seen(self, who: int, t_s: float, pictures: list[Array64]) -> tuple[Array, Array]:
        walker, (hidden, by) = self._people[who], self._behind(who, pictures)
        errors, size_px = self._errors[who], 1.7 * FOCAL_PX / walker.depth_m
        jitter = _JITTER + (_HIDDEN_JITTER - _JITTER) * hidden
        merged_px = _MERGED * hidden * (pictures[by] - pictures[who])
        xy_px = pictures[who] + merged_px + jitter * size_px * errors[:, :2]
        believed_m = walker.joints_m(t_s, walker.bones / walker.bones.mean() * walker.believed)
        believed_m = believed_m + 1.7 * np.array((jitter, jitter, _DEPTH_JITTER)) * errors[:, 2:]
        return xy_px.astype(np.float32), believed_m.astype(np.float32)
