"""Knuckles of the hands, derived: hung on the lifted wrist, as they were seen about it.

A knuckle lies on its ray, as far from the wrist as it is on a hand for such a forearm: at one of two places, of which
it is the one nearer to where the forearm points. The less these differ in that, the more it lies between them, and its
error says so. A knuckle that is not seen is nowhere: an arm does not tell how its hand is turned. Nothing is remembered
from frame to frame: hands turn quickly, and on made-up ones the past added nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from calibration.person.hanging import (
    Vector,
    depth_of,
    depth_variance,
    is_seen,
    normalised,
    off_the_ray,
    on_its_ray,
    view_of,
)

Array = NDArray[np.float32]

_ARMS = ((15, 16), (12, 13))  # elbow and wrist
# From the wrist to the roots of little and index finger and to the thumb, in parts of the forearm, as MediaPipe has
# them on real people. It agrees with anatomy: a hand is 0.108 of somebody's height and a forearm 0.146 (Drillis and
# Contini 1966), and the palm is not quite half of the hand.
_KNUCKLES = (0.30, 0.34, 0.27)
_SEEN_M = 0.012  # 1 sigma of a knuckle about its wrist across the view
_AIM = 0.5  # 1 sigma of a knuckle's depth by the forearm alone, in parts of its length
_FURTHEST = 2.0  # a knuckle seen further aside from its wrist, in parts of its length, is not believed


def place_hands(joints_m: Vector, sigma_m: Array, rays: Array, seen: Array) -> tuple[Vector, Vector]:
    """Joints (17, 3) in camera axes, finite, their errors (17,) and rays (17, 2), NaN where not known, and rays and
    scores (6, 3) of HANDS, NaN if unseen.

    Gives HANDS (engines.models.skeleton) in camera axes (6, 3), and their 1-sigma errors (6,); NaN if unseen.
    """
    places, errors = np.full((6, 3), np.nan), np.full(6, np.nan)
    for side, (elbow, wrist) in enumerate(_ARMS):
        at, sigma = joints_m[wrist], float(sigma_m[wrist])
        shown, (forearm, along) = on_its_ray(at, rays[wrist]), normalised(at - joints_m[elbow])
        for row, part in enumerate(_KNUCKLES, side * len(_KNUCKLES)):
            point = seen[row].tolist()
            if is_seen(point):
                view, length = view_of(point), part * forearm
                across = off_the_ray(shown, view)
                aside = float(np.linalg.norm(across))
                if aside < _FURTHEST * length:
                    deep, off = _depth(length, aside, length * float(along @ view))
                    places[row], errors[row] = at + across + deep * view, math.hypot(off, _SEEN_M, sigma)
    return places, errors


def _depth(length: float, aside: float, told: float) -> tuple[float, float]:
    """How deep a knuckle is along its ray, and how far that may be off, m; `told`: what the forearm says of it."""
    depth, prior = depth_of(length, aside), (_AIM * length) ** 2
    variance = depth_variance(length, aside, depth, _SEEN_M)
    further = 1 / (1 + math.exp(-2 * depth * told / (prior + variance)))  # how likely the place further away is
    far, near = ((one * prior + told * variance) / (prior + variance) for one in (depth, -depth))
    between = further * (1 - further) * (far - near) ** 2
    return further * far + (1 - further) * near, math.sqrt(prior * variance / (prior + variance) + between)
