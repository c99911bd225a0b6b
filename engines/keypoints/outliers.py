"""Keypoints that cannot be: a bone longer than any, a leap no limb makes.

A joint that leaps away from the others is left out until it has stayed where it leapt to for a while; one whose bone
is too long for as long as that is so. Many leap at once where a detector goes over from one side to the other: as
detections are smoothed, left and right pass through each other. The measure is the person's scale, in rays a metre.
In plain numbers: for 17 joints NumPy's calls take longer than that.
"""

from __future__ import annotations

import math
from typing import Final

from engines.keypoints.sides import ARM_PAIRS, ARMS, LEG_PAIRS, LEGS
from engines.models.normalise import Point

# Bones of a grown person in metres, and the most that one may seem: limbs reach towards the camera, trunks hardly.
BONES: tuple[tuple[int, int, float, float], ...] = (
    (1, 2, 0.41, 1.6), (2, 3, 0.42, 1.7), (4, 5, 0.41, 1.6), (5, 6, 0.42, 1.7), (0, 1, 0.12, 2.2), (0, 4, 0.12, 2.2),
    (0, 8, 0.49, 1.5), (8, 10, 0.3, 1.8), (8, 11, 0.17, 2.0), (8, 14, 0.17, 2.0),
    (11, 12, 0.28, 1.9), (12, 13, 0.25, 2.2), (14, 15, 0.28, 1.9), (15, 16, 0.25, 2.2),
)  # fmt: skip
_GROWS_S: Final = 0.1  # how soon the scale follows: foreshortened limbs make a person small for a while
_SHRINKS_S: Final = 0.7
# How far a joint may be from where it is expected, about what all have in common: at once, in metres, and for each
# second since. Trunk and head, elbows and knees, wrists and ankles.
_TRUNK, _MIDDLE, _END = (0.03, 1.6), (0.06, 4.0), (0.1, 7.0)
_REACH = (
    _TRUNK, _TRUNK, _MIDDLE, _END, _TRUNK, _MIDDLE, _END, _TRUNK, _TRUNK, _MIDDLE, _MIDDLE,
    _TRUNK, _MIDDLE, _END, _TRUNK, _MIDDLE, _END,
)  # fmt: skip
_ENOUGH_S: Final = 0.2  # of sure sightings in one place: the joint is there after all


class Scale:
    """A person's size in the picture, in rays a metre: of their bones, those that are least foreshortened."""

    def __init__(self) -> None:
        self.value = 0.0  # not known yet

    def push(self, rays: list[Point], seen: list[bool], dt_s: float) -> None:
        ratios = [
            _length(rays[a], rays[b]) / metres
            for a, b, metres, _ in BONES if seen[a] and seen[b]
        ]  # fmt: skip
        ratios.sort(reverse=True)
        if len(ratios) < 2:
            return
        now = ratios[min(max(len(ratios) // 4, 1), len(ratios) - 1)]  # the longest may be wrong
        if not self.value:
            self.value = now
        follows = _GROWS_S if now > self.value else _SHRINKS_S
        self.value += (now - self.value) * (1 - math.exp(-dt_s / follows))


class Outliers:
    """Of one person: which joints of the newest frame are left out."""

    def __init__(self, joints: int) -> None:
        self._stayed_s = [0.0] * joints  # how long each has been seen where it leapt to; 0: it has not leapt
        self._candidates: list[Point] = [(math.nan, math.nan)] * joints

    def push(
        self, rays: list[Point], score: list[float], seen: list[bool], expected: list[Point], scale: float, dt_s: float
    ) -> list[bool]:
        """Rays (17, 2), scores (17,), `expected` (17, 2), NaN where not known; `scale` in rays a metre."""
        out = _too_long(rays, seen, score, expected, scale)
        reach = [(metres + speed * dt_s) * scale for metres, speed in _REACH]
        leapt = [leap > far * (0.5 + min(sure, 0.5))
                 for leap, far, sure in zip(_leaps(rays, seen, expected), reach, score)]  # fmt: skip
        for part, pairs in ((LEGS, LEG_PAIRS), (ARMS, ARM_PAIRS)):
            if any(leapt[left] and leapt[right] for left, right in pairs):  # between one side and the other
                for joint in part:
                    leapt[joint] = True
        if not any(out) and not any(leapt) and not any(self._stayed_s):
            return out
        for joint, is_seen in enumerate(seen):
            if is_seen and (leapt[joint] or out[joint]):
                stays = _length(rays[joint], self._candidates[joint]) < reach[joint]  # False where there was none
                self._stayed_s[joint] = self._stayed_s[joint] + dt_s * min(score[joint], 1.0) if stays else 0.0
                self._candidates[joint] = rays[joint]
                out[joint] = out[joint] or self._stayed_s[joint] < _ENOUGH_S
            if is_seen and not out[joint]:
                self._stayed_s[joint], self._candidates[joint] = 0.0, (math.nan, math.nan)
        return out


def _too_long(
    rays: list[Point], seen: list[bool], score: list[float], expected: list[Point], scale: float
) -> list[bool]:
    """Of every bone that is too long, the end that more such bones share; else the one less sure, or further out."""
    long = [(a, b) for a, b, metres, most in BONES
            if seen[a] and seen[b]
            and _length(rays[a], rays[b]) > metres * most * scale]  # fmt: skip
    out = [False] * len(rays)
    while long:
        ends = [joint for bone in long for joint in bone]
        blame = [
            (ends.count(joint), _stray(rays[joint], expected[joint]) - score[joint] * scale, joint) for joint in ends
        ]
        worst = max(blame)[-1]
        out[worst] = True
        long = [bone for bone in long if worst not in bone]
    return out


def _leaps(rays: list[Point], seen: list[bool], expected: list[Point]) -> list[float]:
    """How far each joint is from where it was expected, less what is common to all; NaN where not known."""
    moved = [(ray[0] - at[0], ray[1] - at[1]) if is_seen else (math.nan, math.nan)
             for ray, at, is_seen in zip(rays, expected, seen)]  # fmt: skip
    known = [move for move in moved if math.isfinite(move[0] + move[1])]
    if not known:
        return [math.nan] * len(rays)
    x, y = (sorted(axis)[len(known) // 2] for axis in zip(*known))
    return [_length(move, (x, y)) for move in moved]


def _stray(ray: Point, expected: Point) -> float:
    stray = _length(ray, expected)
    return stray if math.isfinite(stray) else 0.0


def _length(one: Point, other: Point) -> float:
    x, y = one[0] - other[0], one[1] - other[1]
    return math.sqrt(x * x + y * y)
