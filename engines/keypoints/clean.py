"""One person's keypoints, made ready to be lifted: sides that were exchanged put right, impossible joints left out.

Before anything else, on the camera's own frames. A joint that is left out, or not seen, goes on for a moment as it did,
with a score that falls to nothing. What is remembered is where the joints were and how they moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engines.keypoints.outliers import Outliers, Scale
from engines.keypoints.sides import Sides
from engines.models.normalise import MIN_SCORE, Float, Point, seen_joints
from engines.models.skeleton import FLIP, JOINTS

GAP_S: Final = 0.5  # longer without a frame: start afresh
_AHEAD_S: Final = 0.05  # no joint goes on as it did for longer than this
_FASTEST_M_S: Final = 4.0  # nor faster: an erring joint has no other speed
COAST_S: Final = 0.2  # until a joint that is not seen is no longer taken to be anywhere
_SMOOTH: Final = 0.3  # of a joint's velocity in the newest frame
_NOWHERE: Point = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """One frame of one person."""

    rays: Float  # (17, 2), NaN where not known
    score: Float  # (17,), 0 where not known
    seen: tuple[bool, ...]  # (17,) seen in this very frame, where it can be
    swapped: bool  # sides were put right
    left_out: int  # joints that were seen where they cannot be
    doubt: float  # 0 to 1: about the sides
    legs_swapped: bool = False
    arms_swapped: bool = False


class Cleaner:
    """Of one person: `push` the frames in which the person is seen."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._time_s = math.nan
        self._sides, self._outliers, self._scale = Sides(), Outliers(JOINTS), Scale()
        self._last: list[Point] = [_NOWHERE] * JOINTS
        self._last_s = [math.nan] * JOINTS
        self._last_score = [0.0] * JOINTS
        self._velocity: list[Point] = [(0.0, 0.0)] * JOINTS

    def push(self, time_s: float, rays: Float, score: Float) -> Cleaned:
        """Rays (17, 2), NaN where unseen, and scores (17,) of the frame at `time_s` on the source's own timeline."""
        rows: list[list[float]] = rays.tolist()
        sure: list[float] = score.tolist()
        places = [(row[0], row[1]) for row in rows]
        dt_s = time_s - self._time_s
        if not 0 < dt_s <= GAP_S:
            self._begin()
            dt_s = 0.0
        self._time_s = time_s
        seen = seen_joints(places, sure)
        self._scale.push(places, seen, dt_s)
        expected = self._expected()
        if self._scale.value:
            self._sides.push(places, seen, expected, self._scale.value, dt_s)
            if other_side := self._sides.concede(dt_s):
                self._exchange(other_side)
                expected = self._expected()
        swapped = self._sides.legs_swapped or self._sides.arms_swapped
        if swapped:
            order = self._sides.order()
            places, sure = [places[joint] for joint in order], [sure[joint] for joint in order]
            seen = [seen[joint] for joint in order]
        out = [False] * JOINTS
        if self._scale.value:  # else too little is seen to tell what is far
            out = self._outliers.push(places, sure, seen, expected, self._scale.value, dt_s)
        believed = tuple(is_seen and not left for is_seen, left in zip(seen, out))
        clean, trust = rays, score
        if swapped or not all(believed):
            clean, trust = np.array(places, np.float32), np.array(sure, np.float32)
            for joint, is_believed in enumerate(believed):
                if not is_believed:
                    clean[joint], trust[joint] = self._coast(joint, expected[joint])
        self._remember(places, sure, believed)
        return Cleaned(clean, trust, believed, swapped, sum(out), self._sides.doubt, self._sides.legs_swapped,
                       self._sides.arms_swapped)  # fmt: skip

    def _exchange(self, joints: tuple[int, ...]) -> None:
        order = [FLIP[joint] if joint in joints else joint for joint in range(JOINTS)]
        self._last = [self._last[joint] for joint in order]
        self._velocity = [self._velocity[joint] for joint in order]
        self._last_s = [self._last_s[joint] for joint in order]
        self._last_score = [self._last_score[joint] for joint in order]

    def _coast(self, joint: int, expected: Point) -> tuple[Point, float]:
        left = 1 - (self._time_s - self._last_s[joint]) / COAST_S
        score = self._last_score[joint] * left
        return (expected, score) if score >= MIN_SCORE else (_NOWHERE, 0.0)

    def _expected(self) -> list[Point]:
        """Where the joints are if they go on as they did; NaN where they have not been seen lately."""
        fastest = _FASTEST_M_S * self._scale.value
        out: list[Point] = []
        for place, (vx, vy), last_s in zip(self._last, self._velocity, self._last_s):
            ago_s = self._time_s - last_s
            if not ago_s <= GAP_S:
                out.append(_NOWHERE)
                continue
            far, ahead_s = math.sqrt(vx * vx + vy * vy), min(ago_s, _AHEAD_S)
            if far > fastest:
                ahead_s *= fastest / far
            out.append((place[0] + vx * ahead_s, place[1] + vy * ahead_s))
        return out

    def _remember(self, places: list[Point], score: list[float], believed: tuple[bool, ...]) -> None:
        for joint, (is_believed, place) in enumerate(zip(believed, places)):
            if not is_believed:
                continue
            ago_s = self._time_s - self._last_s[joint]
            velocity = 0.0, 0.0
            if 0 < ago_s <= GAP_S:
                (x, y), (vx, vy) = self._last[joint], self._velocity[joint]
                velocity = (vx + _SMOOTH * ((place[0] - x) / ago_s - vx), vy + _SMOOTH * ((place[1] - y) / ago_s - vy))
            self._last[joint], self._velocity[joint], self._last_s[joint] = place, velocity, self._time_s
            self._last_score[joint] = score[joint]


def clean_sequences(
    rays_BTV2: Float, score_BTV: Float, rate_hz: float = 30.0, every: Sequence[int] | None = None
) -> tuple[Float, Float]:
    """Whole sequences (B, T, 17, 2) and (B, T, 17) as live streams clean them, a person each.

    Only every so many frames of a sequence, and its last, are a camera's own: the others stay as they are.
    """
    rays, score = rays_BTV2.copy(), score_BTV.copy()
    frames = rays.shape[1]
    for row in range(len(rays)):
        cleaner, step = Cleaner(), every[row] if every is not None else 1
        for frame in sorted({*range(0, frames, step), frames - 1}):
            cleaned = cleaner.push(frame / rate_hz, rays_BTV2[row, frame], score_BTV[row, frame])
            rays[row, frame], score[row, frame] = cleaned.rays, cleaned.score
    return rays, score
