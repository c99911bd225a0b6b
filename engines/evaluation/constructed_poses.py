"""Poses the capture lacks, built by forward kinematics from held-out motion: sitting, crouching, lying, hands behind.

A person goes from the captured pose into the new one within a second or so and stays there, with a share of the
captured motion left. World: y up, metres. Axes: T frames, bone b ends in joint b + 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.virtual_views import bones, rebuild

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Rng = np.random.Generator

LEGS = ((1, 2, -1.0), (4, 5, 1.0))  # thigh bone, shin bone, side: right, left
ARMS = ((14, 15, -1.0), (11, 12, 1.0))
TRUNK = list(range(6, 16))
CAPTURED = 0.08  # share of the captured motion that stays
UP = np.array((0.0, 1.0, 0.0))
LONGEST = 120  # frames


def _sit_on_chair(rng: Rng, directions: Double) -> None:
    _legs(rng, directions, hip_deg=rng.uniform(78, 100), knee_deg=rng.uniform(75, 105), splay=rng.uniform(0.05, 0.3))
    _lean(directions, rng.uniform(-15, 25))


def _sit_on_floor(rng: Rng, directions: Double) -> None:
    knee_deg = rng.uniform(5, 110)
    hip_deg = 85 + knee_deg / 2 + rng.uniform(-6, 6)  # the feet about as high as the seat
    _legs(rng, directions, hip_deg, knee_deg, splay=rng.uniform(0.05, 0.5))
    _lean(directions, rng.uniform(-25, 20))


def _crouch(rng: Rng, directions: Double) -> None:
    _legs(rng, directions, hip_deg=rng.uniform(90, 125), knee_deg=rng.uniform(110, 140), splay=rng.uniform(0.1, 0.45))
    _lean(directions, rng.uniform(15, 55))


def _lie(rng: Rng, directions: Double) -> None:
    _legs(rng, directions, hip_deg=rng.uniform(0, 45), knee_deg=rng.uniform(0, 60), splay=rng.uniform(0.0, 0.25))
    left, _ = _pelvis(directions)
    about = np.cross(left, UP) if rng.random() < 0.4 else left  # on the side, or on the back or the belly
    quarter = np.pi / 2 * rng.choice((-1, 1)) + rng.normal(0, 0.15)
    directions[:] = _turn(directions, about, np.broadcast_to(quarter * _ease(len(directions)), (len(directions),)))


def _hands_behind(rng: Rng, directions: Double) -> None:
    left, forward = _pelvis(directions)
    back_deg, height = rng.uniform(20, 42), rng.uniform(-0.3, 0.35)
    for upper, lower, side in ARMS:
        back = np.radians(back_deg + rng.normal(0, 4))
        _go(directions, upper, -np.cos(back) * UP - np.sin(back) * forward + 0.12 * side * left)
        _go(directions, lower, -0.9 * side * left + (height + rng.normal(0, 0.1)) * UP - 0.1 * forward)


POSES: dict[str, Callable[[Rng, Double], None]] = {
    "sitting": _sit_on_chair,
    "sitting on the floor": _sit_on_floor,
    "crouching": _crouch,
    "lying": _lie,
    "hands behind the back": _hands_behind,
}


def construct(rng: Rng, joints_m: Float, pose: str) -> Float:
    """Captured joints (T, 17, 3) -> the same person going into `pose` on the spot, at most LONGEST frames."""
    joints_m = joints_m[:LONGEST]
    captured, lengths = bones(joints_m)
    directions = captured.astype(np.float64)
    POSES[pose](rng, directions)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    root = joints_m[:, 0].copy()
    new = rebuild(directions.astype(np.float32), lengths, root)
    root[:, (0, 2)] = root[:1, (0, 2)]
    root[:, 1] += joints_m[..., 1].min(1) - new[..., 1].min(1)  # stay on the floor
    return rebuild(directions.astype(np.float32), lengths, root)


def _ease(frames: int) -> Double:
    """(T,) how far into the pose: 0, then a smooth rise within the first third, then 1."""
    t = np.clip(np.arange(frames) / max(frames / 3, 1), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _pelvis(directions: Double) -> tuple[Double, Double]:
    """Unit vectors to the person's left and front, both (T, 3) and level."""
    left = directions[:, 3] - directions[:, 0]
    left = left * (1, 0, 1)
    left /= np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    return left, np.cross(left, UP)


def _legs(rng: Rng, directions: Double, hip_deg: float, knee_deg: float, splay: float) -> None:
    left, forward = _pelvis(directions)
    for thigh, shin, side in LEGS:
        hip, knee = np.radians(rng.normal((hip_deg, knee_deg), 5))
        outward = side * splay * left
        _go(directions, thigh, -np.cos(hip) * UP + np.sin(hip) * forward + outward)
        _go(directions, shin, -np.cos(hip - knee) * UP + np.sin(hip - knee) * forward + 0.5 * outward)


def _lean(directions: Double, degrees: float) -> None:
    left, _ = _pelvis(directions)
    directions[:, TRUNK] = _turn(directions[:, TRUNK], left, np.radians(degrees) * _ease(len(directions)))


def _go(directions: Double, bone: int, towards: Double) -> None:
    """Move a bone from where it was captured to `towards` (T, 3), and keep a share of the captured motion."""
    share = ((1 - CAPTURED) * _ease(len(directions)))[:, None]
    towards = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    blended = (1 - share) * directions[:, bone] + share * towards
    directions[:, bone] = blended / np.maximum(np.linalg.norm(blended, axis=-1, keepdims=True), 1e-9)


def _turn(vectors: Double, axes: Double, angles: Double) -> Double:
    """Rodrigues: vectors (T, N, 3) turned about unit axes (T, 3) by angles (T,)."""
    axes, cos, sin = axes[:, None], np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    along = (vectors * axes).sum(-1, keepdims=True) * axes
    return np.asarray(vectors * cos + np.cross(np.broadcast_to(axes, vectors.shape), vectors) * sin + along * (1 - cos))
