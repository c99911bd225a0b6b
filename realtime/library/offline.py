"""Smoothing of a whole recording: every pose from what came before and after it, which no live pose can have.

A cubic smoothing spline through each joint's places (Reinsch 1967): without lag, by the frames' own times, each frame
weighed by how sure it is. Somebody's poses before and after an absence know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.extras import pip_install
from engines.lifting.poses import RATE_HZ
from engines.models.skeleton import EXTREMITIES, HANG_ON, JOINTS, PARENTS
from realtime.clock import NS_PER_S
from realtime.library.poses import Poses
from realtime.pipeline.resample import GAP_NS

Double = NDArray[np.float64]
Rows = NDArray[np.intp]

# Of a joint that is 5 cm unsure what is quicker than 5.6 Hz is halved, of the root 2.8 Hz. Chosen on motion capture:
# stiffer takes more of true motion than of noise (docs/results.md).
_JOINTS, _ROOT = 2e-5, 3e-4
_UNSURE_M = 0.05
_SIGMA_M = 0.01, 1.0  # outside of these a joint's own error counts no more
_FEWEST = 5  # frames that a spline wants


def check_installed() -> None:
    """Raises UserError without SciPy."""
    if find_spec("scipy") is None:
        raise UserError(f"smoothing offline needs the package scipy: run {pip_install('export')}")


def smoothed(poses: Poses) -> Poses:
    """The same rows, people and fields, `offline`, with joints and roots smoothed where somebody is seen.

    Bones' lengths are smoothed as lengths: rigid ones stay so. Raises UserError without SciPy.
    """
    joints, roots = poses.joints_m.astype(np.float64), poses.root_m.astype(np.float64)
    check_installed()
    extremities = {name: getattr(poses, f"{name}_m").astype(np.float64) for name in EXTREMITIES
                   if getattr(poses, f"{name}_m") is not None}  # fmt: skip
    several = poses.held.ndim == 2
    for column, person in enumerate(poses.each()):
        own_joints, own_roots = (joints[:, column], roots[:, column]) if several else (joints, roots)
        for rows in _stretches(person, own_joints):
            own_joints[rows] = smooth_pose(person.t_s[rows], own_joints[rows], person.sigma_m[rows].astype(np.float64))
        for rows in _stretches(person, own_roots):
            own_roots[rows] = _spline(person.t_s[rows], own_roots[rows], stiffness=_ROOT)
        _hold(own_joints, person.held)
        _hold(own_roots, person.held)
        for name, points in extremities.items():
            own, on = points[:, column] if several else points, list(HANG_ON[name])
            own[:] = _about_joints(person, own - person.joints_m[:, on], name) + own_joints[:, on]
            _hold(own, person.held)
    return replace(
        poses, joints_m=joints.astype(np.float32), root_m=roots.astype(np.float32), offline=True,
        **{f"{name}_m": points.astype(np.float32) for name, points in extremities.items()},
    )  # fmt: skip


def _about_joints(person: Poses, about_m: Double, name: str) -> Double:
    """FEET or HANDS about the joints that they hang on (T, N, 3) -> the same, smooth where they are known."""
    sigma_m = getattr(person, f"{name}_sigma_m").astype(np.float64)
    for point in range(about_m.shape[1]):
        for rows in _stretches(person, about_m[:, point]):
            about_m[rows, point] = _spline(person.t_s[rows], about_m[rows, point], sigma_m[rows, point])
    return about_m


def _stretches(person: Poses, values: Double) -> Iterator[Rows]:
    """Rows (T, ...) in which a person is seen and these known, apart where they were away or the model began anew."""
    known = np.isfinite(values).reshape(len(values), -1).all(1)
    rows = np.flatnonzero(known & ~person.held)
    apart = np.diff(person.t_s[rows]) > GAP_NS / NS_PER_S
    apart |= np.diff(person.window_fill[rows]) < 0
    for stretch in np.split(rows, np.flatnonzero(apart) + 1):
        if len(stretch) >= _FEWEST:
            yield stretch


def smooth_pose(t_s: Double, joints_m: Double, sigma_m: Double) -> Double:
    """One person's joints (T, 17, 3) about the hip, seen throughout, and their errors (T, 17) -> the same, smooth."""
    out = np.zeros_like(joints_m)
    places = [_spline(t_s, joints_m[:, joint], sigma_m[:, joint]) for joint in range(JOINTS)]
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        length = np.linalg.norm(joints_m[:, joint] - joints_m[:, parent], axis=1)
        bone = places[joint] - places[parent]
        scale = _spline(t_s, length[:, None], sigma_m[:, joint])[:, 0] / np.maximum(np.linalg.norm(bone, axis=1), 1e-6)
        out[:, joint] = out[:, parent] + scale[:, None] * bone
    return out


def _spline(t_s: Double, values: Double, sigma_m: Double | None = None, stiffness: float = _JOINTS) -> Double:
    """Values (T, D) at times that never fall, and their errors (T,) if they differ -> (T, D), smooth."""
    from scipy.interpolate import make_smoothing_spline

    at_s, first = np.unique(t_s, return_index=True)
    if len(at_s) < _FEWEST:
        return values
    weight = np.gradient(at_s) * RATE_HZ  # twice as many frames a second know no more
    if sigma_m is not None:
        weight *= (_UNSURE_M / np.clip(sigma_m[first], *_SIGMA_M)) ** 2
    curve = make_smoothing_spline(at_s - at_s[0], values[first], w=weight, lam=stiffness)
    return np.asarray(curve(t_s - at_s[0]))


def _hold(values: Double, held: NDArray[np.bool_]) -> None:
    """Held rows repeat the last one that is not, as ever."""
    last = np.maximum.accumulate(np.where(held, -1, np.arange(len(held))))
    rows = np.flatnonzero(last >= 0)
    values[rows] = values[last[rows]]
