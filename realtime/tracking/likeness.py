"""How unlikely it is that somebody seen now is somebody known: keypoints, motion, distance and build, weighed.

A cost is a negative log likelihood, 0 being that of a perfect match with somebody seen a moment ago; what says less,
since it is long ago, weighs less by itself. The axes: n people of the frame, m people known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP, JOINTS
from realtime.contracts import Array
from realtime.tracking.look import BUILD, Looks
from realtime.tracking.motion import PLACE_SIGMA, Motion

# How far a trunk may be from where it is expected, in bodies: at once, and for each second since. A walker covers 0.8.
_REACH, _REACH_PER_S = 0.3, 1.0
_TRUNK_WEIGHT, _LIMB_WEIGHT = 1.0, 0.25
TRUNK = [0, 1, 4, 7, 8, 9, 11, 14]  # hips, spine, neck, shoulders
_WEIGHT = np.full(JOINTS, _LIMB_WEIGHT, np.float32)
_WEIGHT[TRUNK] = _TRUNK_WEIGHT
# A pose changes: 1 sigma of a joint about the trunk, in bodies, at once and after long, and how soon that is.
_POSE_SIGMA, _ANY_POSE_SIGMA, _POSE_LASTS_S = 0.04, 0.15, 0.3
_POSE_SAYS = 3.0  # as many joints tell something that others do not
_WILD = 4.5  # half a squared 3 sigmas: a joint further off says no more against a match
# 1 sigma of one look's logarithm of each bone (measured, two clips).
BUILD_SIGMA: Array = np.array([0.2, 0.07, 0.07, 0.08, 0.1, 0.13, 0.11, 0.12], np.float32)
_LASTING = 0.35  # of its square stays, however often they are seen: what is believed of a body from one side
_BUILD_SAYS = 0.7  # the errors of bones are not independent
_WILD_BONE = 2.0  # half a squared 2 sigmas


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Of somebody seen before, as expected now."""

    motion: Motion  # ahead at the frame's time
    pose: Array  # (17, 2) about the trunk, in bodies, 0 where unknown
    seen: Array  # (17,) 1 or 0
    build: Array | None  # (BUILD,)
    build_looks: float  # as many looks it is the mean of
    gap_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """Between each person seen and each known, (n, m) rows."""

    trunk: Array  # (n, m, 2) bodies, from where the trunk is expected to where it is
    about: Array  # (n, m, 17, 2) bodies, the joints about the trunk that is seen
    weight: Array  # (n, m, 17) of joints that are seen and known; they sum to 1
    possible: NDArray[np.bool_]  # (n, m) whether they can have gone there


def offsets(looks: Looks, known: Sequence[Known]) -> Offsets:
    """What each match would mean."""
    place_px = np.array([one.motion.place_px for one in known], np.float32)
    pose, seen = np.array([one.pose for one in known]), np.array([one.seen for one in known])
    about = (looks.xy_px[:, None] - place_px[:, None]) / looks.size_px[:, None, None, None]
    weight = _WEIGHT * looks.seen[:, None] * seen
    total = np.add.reduce(weight, -1)
    weight /= np.maximum(total, 1e-6)[..., None]
    trunk = np.add.reduce((about - pose) * weight[..., None], 2)
    reach = np.array([_REACH + _REACH_PER_S * one.gap_s for one in known], np.float32)
    possible = (np.add.reduce(trunk**2, -1) <= reach**2) & (total > 0)
    return Offsets(trunk, about - trunk[:, :, None], weight, possible)


def costs(off: Offsets, looks: Looks, build: Array | None, known: Sequence[Known]) -> Array:
    """(n, m), infinite where it cannot be; `build` (n, BUILD) of those seen, if it is known."""
    pose = np.array([one.pose for one in known])
    gap_s = np.array([one.gap_s for one in known], np.float32)
    cost = _place_cost(off.trunk, known) + _pose_cost(off.about, pose, off.weight, gap_s)
    cost += _size_cost(looks, known) + _build_cost(build, known)
    cost[~off.possible] = np.inf
    return cost


def _place_cost(off: Array, known: Sequence[Known]) -> Array:
    var = np.array([one.motion.place_var for one in known], np.float32)
    return np.asarray((off**2).sum(-1) / (2 * var) + np.log(var / (2 * PLACE_SIGMA**2)))


def _pose_cost(about: Array, pose: Array, weight: Array, gap_s: Array) -> Array:
    """Of the joints about the trunk; a detector that takes left for right has found the same person."""
    old = 1 - np.exp(-gap_s / _POSE_LASTS_S)
    var = _POSE_SIGMA**2 + (_ANY_POSE_SIGMA**2 - _POSE_SIGMA**2) * old
    straight, mirrored = (
        (np.minimum(((seen - pose) ** 2).sum(-1) / (2 * var[:, None]), _WILD) * weight).sum(-1)
        for seen in (about, about[:, :, FLIP])
    )
    return np.asarray(_POSE_SAYS * (np.minimum(straight, mirrored) + np.log(var / _POSE_SIGMA**2)))


def _size_cost(looks: Looks, known: Sequence[Known]) -> Array:
    """Of distance: two who cross in the picture stand one before the other."""
    sigma = looks.size_sigma
    expected = np.log(np.array([one.motion.size_px for one in known], np.float32))
    var = sigma**2 + np.array([one.motion.size_var for one in known], np.float32)
    off = np.log(looks.size_px)[:, None] - expected
    return np.asarray(off**2 / (2 * var) + np.log(var / (2 * sigma**2)) / 2)


def _build_cost(seen: Array | None, known: Sequence[Known]) -> Array | float:
    if seen is None or any(one.build is None for one in known):
        return 0.0
    build = np.array([one.build for one in known])
    share = _LASTING + (1 - _LASTING) / np.array([one.build_looks for one in known], np.float32)
    var = BUILD_SIGMA**2 * (1 + share[:, None])  # (m, BUILD)
    off2 = np.minimum((seen[:, None] - build) ** 2 / (2 * var), _WILD_BONE)
    return np.asarray(_BUILD_SAYS * (off2.sum(-1) + np.log(1 + share) * BUILD / 2))
