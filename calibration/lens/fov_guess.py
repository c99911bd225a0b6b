"""The horizontal field of view from a person who walks about, where no board is at hand. A guess, and marked as one.

Two things tell a lens. People walk towards the camera as fast as they walk across it: a wrong focal length stretches
depth and leaves width. And people are upright and keep their height: verticals converge, and heights shrink with
distance, as only the right lens explains. (The lifted strides could tell too, but lifters shorten strides in depth.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.floor.floor_fit import RATE_HZ, Walk, ground_from_walk
from calibration.lens.rays import Camera
from calibration.person.body_scale import ANKLES, bone_lengths, stature
from calibration.person.root import solve_root
from engines.errors import UserError

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]
Lift = Callable[[Array, Array], tuple[Array, Array]]  # rays (T, 17, 2), score (T, 17) -> joints_m, sigma_m

START_HFOV_DEG = 60.0
_CANDIDATES_DEG = np.arange(25.0, 121.0, 1.0)
_STRIDE_FRAMES = 30  # about one gait cycle: speed over less swings with the gait
_MIN_SPEED = 0.25  # of the body's height, each second
_SPEED_SIGMA = 0.10  # of log speed, from one stretch of a walk to another
_STRETCH_FRAMES = 60.0
_LEAN_SIGMA = 0.05  # of the body's height: head over feet
_LEAN_FRAMES = 60.0  # leaning goes on for a while; frames in between say the same
_ANKLES_UP = 0.08  # of the body's height: the middle of the ankles through a walk
_HEAD = 10
_PRIOR = (math.log(1 / math.tan(math.radians(32.5))), 0.5)  # log focal length in half widths: webcams


@dataclass(frozen=True, slots=True)
class FovGuess:
    hfov_deg: float
    sigma_deg: float
    headings_deg: float  # how widely the walk's directions were spread, 0 to 90: below 30 only the verticals tell


def guess_fov(xy_px: Array, score: Array, image_wh: tuple[int, int], lift: Lift) -> FovGuess:
    """Keypoints of one person at 30 Hz, (T, 17, 2) px and (T, 17). Raises UserError where too little was seen."""
    start = Camera.assumed(image_wh, START_HFOV_DEG)
    rays = start.rays(xy_px)
    joints, sigma = lift(rays, score)
    height = float(stature(np.nanmedian(bone_lengths(joints), 0)))
    root = solve_root(rays, score, joints, sigma).root_m
    moves = _moves(root) / height
    up = ground_from_walk(Walk(root, joints.astype(np.float64), score.astype(np.float64), height)).up
    feet, head = rays[:, list(ANKLES)].mean(1).astype(np.float64), rays[:, _HEAD].astype(np.float64)
    seen = np.isfinite(feet).all(1) & np.isfinite(head).all(1) & np.isfinite(root[:, 2])
    cost = np.empty(len(_CANDIDATES_DEG))
    state = np.array([math.asin(float(np.clip(up[2], -0.9, 0.9))), 0.0, math.log(1.0)])
    for i, candidate in enumerate(_CANDIDATES_DEG):
        stretch = _focal(candidate) / _focal(START_HFOV_DEG)  # of the focal length, and so of all depths
        state, lean = _fit_upright(feet[seen] / stretch, head[seen] / stretch, state)
        cost[i] = lean + _speed_cost(moves, up, stretch)
        cost[i] += ((math.log(_focal(candidate)) - _PRIOR[0]) / _PRIOR[1]) ** 2 / 2
    chance = np.exp(-(cost - cost.min()))
    chance /= chance.sum()
    mean = float((chance * _CANDIDATES_DEG).sum())
    spread = float(np.sqrt((chance * (_CANDIDATES_DEG - mean) ** 2).sum()))
    longer = max(image_wh) / image_wh[0]  # the candidates span the longer side, like Camera.assumed
    hfov = 2 * math.degrees(math.atan(math.tan(math.radians(mean) / 2) / longer))
    return FovGuess(hfov, spread, _heading_spread(moves, up))


def _focal(hfov_deg: float) -> float:
    return 1 / math.tan(math.radians(hfov_deg) / 2)


def _moves(root: Array64) -> Array64:
    """(n, 3) displacement over a gait cycle, a second's worth, where both ends are known and no turn lies between."""
    known = np.isfinite(root).all(1)
    if known.sum() < 3 * _STRIDE_FRAMES:
        raise UserError("a person must be seen for ten seconds or more: walk a square, all of you in the picture")
    moves = (root[_STRIDE_FRAMES:] - root[:-_STRIDE_FRAMES]) * (RATE_HZ / _STRIDE_FRAMES)
    half = _STRIDE_FRAMES // 2
    first = (root[half:-half] - root[:-_STRIDE_FRAMES])[: len(moves)]
    second = moves * (_STRIDE_FRAMES / RATE_HZ) - first
    straight = (first * second).sum(1) > 0.9 * np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(moves[straight & np.isfinite(moves).all(1)])


def _level(moves: Array64, up: Array64, stretch: float) -> Array64:
    """Moves along the floor for a focal length `stretch` times the start's: depths stretch, and the floor with them."""
    normal = up / [1, 1, stretch]
    normal /= np.linalg.norm(normal)
    stretched = moves * [1, 1, stretch]
    return np.asarray(stretched - np.outer(stretched @ normal, normal))


def _speed_cost(moves: Array64, up: Array64, stretch: float) -> float:
    """How unlike the speeds are, as minus log likelihood with rare outliers (Cauchy)."""
    speed = np.linalg.norm(_level(moves, up, stretch), axis=1)
    walking = np.linalg.norm(_level(moves, up, 1.0), axis=1) > _MIN_SPEED
    if walking.sum() < _STRIDE_FRAMES:
        return 0.0
    log_speed = np.log(np.maximum(speed[walking], 1e-3))
    unlike = (log_speed - np.median(log_speed)) / _SPEED_SIGMA
    return float(np.log1p(np.square(unlike) / 2).sum() / _STRETCH_FRAMES)


def _heading_spread(moves: Array64, up: Array64) -> float:
    level = _level(moves, up, 1.0)
    level = level[np.linalg.norm(level, axis=1) > _MIN_SPEED]
    if len(level) < _STRIDE_FRAMES:
        return 0.0
    angle = np.degrees(np.arctan2(np.abs(level[:, 2]), np.abs(level[:, 0])))
    return float(np.percentile(angle, 95) - np.percentile(angle, 5))


def _fit_upright(feet: Array64, head: Array64, state: Array64) -> tuple[Array64, float]:
    """The camera's pitch, roll and log height (in body heights) that best stand people upright, and the cost left."""
    damping = 1e-3
    residual = _upright(state, feet, head)
    cost = _huber(residual)
    for _ in range(12):
        slope = np.stack([(_upright(state + step, feet, head) - residual) / 1e-4 for step in np.eye(3) * 1e-4], -1)
        weight = np.minimum(1.0, _LEAN_SIGMA / np.maximum(np.linalg.norm(residual, axis=1), 1e-9))
        normal = np.einsum("tki,tkj,t->ij", slope, slope, weight)
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9),
                               -np.einsum("tki,tk,t->i", slope, residual, weight))
        tried = _upright(state + step, feet, head)
        if _huber(tried) < cost:
            state, residual, cost, damping = state + step, tried, _huber(tried), damping * 0.3
        else:
            damping *= 5
    return state, cost


def _upright(state: Array64, feet: Array64, head: Array64) -> Array64:
    """(n, 2): by how much each head is off, in body heights, if the body stands upright on the floor at its feet."""
    pitch, roll, height = state[0], state[1], math.exp(min(state[2], 5.0))
    up = np.array([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), np.sin(pitch)])
    foot_rays = np.concatenate([feet, np.ones((len(feet), 1))], 1)
    foot = foot_rays * ((height - _ANKLES_UP) / np.maximum(-(foot_rays @ up), 1e-3))[:, None]
    top = foot + up * (1 - _ANKLES_UP)
    return np.asarray((top[:, :2] / np.maximum(top[:, 2:], 0.1) - head) * foot[:, 2:])


def _huber(residual: Array64) -> float:
    size = np.linalg.norm(residual, axis=1) / _LEAN_SIGMA
    return float(np.where(size < 1, size**2 / 2, size - 0.5).sum() / _LEAN_FRAMES)
