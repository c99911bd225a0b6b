"""What is measured on a person's poses. Axes: T rows of time, J joints, 17 joints in a pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.models.skeleton import JOINT_NAMES, PARENTS
from realtime.plot.recording import Double, Track

ANKLES = (JOINT_NAMES.index("left_ankle"), JOINT_NAMES.index("right_ankle"))
_LOW_PERCENT = 2  # a single stray pose is not the floor


def heights_m(track: Track, space: str, joints: Sequence[int]) -> tuple[Double, str]:
    """(T, J), and what they are above: the floor (world axes), else the ankles at their lowest, else the hip."""
    if not track.placed:
        up = track.joints_m[..., 2] if space == "world" else -track.joints_m[..., 1]
        return up[:, joints], "the hip"
    positions_m = track.joints_m + track.root_m[:, None]
    if space == "world":
        return positions_m[:, joints, 2], "the floor"
    up = -positions_m[..., 1]
    floor_m = np.nanpercentile(up[:, ANKLES].min(1), _LOW_PERCENT)
    return up[:, joints] - floor_m, "the lowest ankle"


def speeds_m_s(track: Track, joints: Sequence[int]) -> tuple[Double, str]:
    """(T, J) by central differences, NaN at the ends of each stretch, and what they are against: the place or the hip.
    """
    places_m = track.joints_m + (track.root_m[:, None] if track.placed else 0)
    speeds = np.full((len(track.t_s), len(joints)), np.nan)
    span_s = track.t_s[2:] - track.t_s[:-2]
    moved_m = np.linalg.norm(places_m[2:, joints] - places_m[:-2, joints], axis=-1)
    # A row of NaN between two rows is a break: what lies on its two sides is not compared.
    whole = np.isfinite(track.joints_m[1:-1]).all((1, 2)) & (span_s > 0)
    speeds[1:-1][whole] = moved_m[whole] / span_s[whole, None]
    return speeds, "in space" if track.placed else "relative to the hip"


def bone_lengths_m(track: Track, joints: Sequence[int]) -> Double:
    """(T, J): of the bones that end in these joints."""
    parents = [PARENTS[joint] for joint in joints]
    return np.asarray(np.linalg.norm(track.joints_m[:, joints] - track.joints_m[:, parents], axis=-1))
