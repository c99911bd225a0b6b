"""Bodies of other proportions and virtual cameras around them, for evaluation: every draw has a fixed seed.

World: y up, metres. Camera axes: x right, y down, z forward. Axes: T frames, bone b ends in joint b + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import PARENTS
from engines.motion.mocap import joints_from_bones

Float = NDArray[np.float32]
Double = NDArray[np.float64]
IMAGE_WH = (1280, 720)
# Metres of the bones hip, thigh, shin, lower and upper spine, shoulder, upper arm and forearm in Human3.6M.
OTHER_LAB_M: dict[tuple[int, ...], float] = {
    (0, 3): 0.133, (1, 4): 0.443, (2, 5): 0.454, (6,): 0.233, (7,): 0.257, (10, 13): 0.151, (11, 14): 0.279,
    (12, 15): 0.252,
}  # fmt: skip
SOLE_AND_CROWN_M = 0.10  # stature less the chain ankle, knee, hip, spine, thorax, neck, head
TALLEST_FRAMED_M = 1.8


@dataclass(frozen=True, slots=True)
class ViewRange:
    """Ranges (low, high) that a camera is drawn from; equal ends fix a value."""

    hfov_deg: tuple[float, float] = (45.0, 75.0)
    fill: tuple[float, float] = (0.35, 0.9)  # of the image height, by a person of 1.8 m: sets the distance
    distance_m: tuple[float, float] | None = None  # instead of `fill`
    pitch_deg: tuple[float, float] = (-5.0, 20.0)  # of the line of sight to the person, below the horizon
    aim: tuple[float, float] = (0.4, 0.12)  # how far off the image centre, share of the half width and height
    roll_deg: float = 3.0
    follow: bool = False  # a tracking shot: the camera travels with the person


def bones(joints_m: Float) -> tuple[Float, Float]:
    """Joints (T, 17, 3) -> unit directions (T, 16, 3), lengths (T, 16)."""
    vectors = joints_m[:, 1:] - joints_m[:, PARENTS[1:]]
    lengths = np.linalg.norm(vectors, axis=-1)
    return (vectors / np.maximum(lengths, 1e-6)[..., None]).astype(np.float32), lengths.astype(np.float32)


def rebuild(directions: Float, lengths: Float, root_m: Float) -> Float:
    """The inverse of `bones`: joints (T, 17, 3) in the world."""
    return np.asarray(joints_from_bones(directions, lengths) + root_m[:, None], np.float32)


def retarget(joints_m: Float) -> Float:
    """The same motion in the skeleton of another laboratory; the path is scaled with the legs."""
    directions, lengths = bones(joints_m)
    other = lengths.copy()
    for group, metres in OTHER_LAB_M.items():
        other[:, group] = metres
    legs = np.median(other[:, 1:3].sum(1)) / np.median(lengths[:, 1:3].sum(1))
    return rebuild(directions, other, joints_m[:, 0] * np.float32(legs))


def to_stature(joints_m: Float, stature_m: float) -> Float:
    """The same motion by a person of this stature: ankle to head along the bones, and 10 cm of sole and crown."""
    lengths = np.median(bones(joints_m)[1], axis=0)
    chain = lengths[[1, 2]].sum() + lengths[[6, 7, 8, 9]].sum()
    return np.asarray(joints_m * np.float32((stature_m - SOLE_AND_CROWN_M) / chain), np.float32)


def focal_px(hfov_deg: float) -> float:
    return float(IMAGE_WH[0] / 2 / np.tan(np.radians(hfov_deg) / 2))


def see(rng: np.random.Generator, joints_m: Float, how: ViewRange) -> tuple[Float, float]:
    """Joints (T, 17, 3) in the world -> in the axes of a camera drawn from `how`, and its horizontal field of view.

    The draws come in a fixed order, so that one seed gives the same view in every protocol but for what differs.
    """
    unit = rng.random(8)
    hfov_deg, pitch = _between(how.hfov_deg, unit[0]), np.radians(_between(how.pitch_deg, unit[1]))
    half_w = np.tan(np.radians(hfov_deg) / 2)
    half_h = half_w * IMAGE_WH[1] / IMAGE_WH[0]
    if how.distance_m is None:
        distance = TALLEST_FRAMED_M / _between(how.fill, unit[2]) / (2 * half_h)
    else:
        distance = _between(how.distance_m, unit[2])
    azimuth, roll = 2 * np.pi * unit[3], np.radians(how.roll_deg) * (2 * unit[4] - 1)
    target = _smooth(joints_m[:, 0]) if how.follow else joints_m[:, 0].mean(0, keepdims=True)
    if not how.follow:  # a walker must not walk into the camera
        reach = np.linalg.norm((joints_m[:, 0] - target)[:, (0, 2)], axis=-1).max()
        distance = max(distance, 1.3 * reach + 1.2)
    back = np.array((np.cos(pitch) * np.sin(azimuth), np.sin(pitch), np.cos(pitch) * np.cos(azimuth)))
    centre = target + distance * back
    yaw_off = np.arctan(half_w * how.aim[0] * (2 * unit[5] - 1))
    pitch_off = np.arctan(half_h * how.aim[1] * (2 * unit[6] - 1))
    axes = _about(2, roll) @ _about(0, pitch_off) @ _about(1, yaw_off) @ _look(-back)
    seen = (joints_m - centre[:, None]) @ axes.T
    return seen.astype(np.float32), float(hfov_deg)


def _between(ends: tuple[float, float], unit: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * unit


def _look(forward: Double) -> Double:
    """Rows x right, y down, z forward of a level camera that looks along `forward`, in a world with y up."""
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(forward, right), forward))


def _about(axis: int, angle: float) -> Double:
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    return matrix


def _smooth(root_m: Float, frames: int = 31) -> Double:
    """The root's path averaged over a second, at its mean height."""
    padded = np.pad(root_m, ((frames // 2, frames // 2), (0, 0)), mode="edge")
    path = np.stack([np.convolve(padded[:, axis], np.full(frames, 1 / frames), mode="valid") for axis in range(3)], -1)
    path[:, 1] = root_m[:, 1].mean()
    return path
