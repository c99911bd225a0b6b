"""How steady and how true to the image 3D poses of real people are, where nobody knows the true poses.

A person's bones do not change, left and right are about alike, bodies do not tremble, and a pose seen through the
camera covers the keypoints it was lifted from. Axes: T frames, J joints (17).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.metrics import BONES, bone_lengths
from engines.models.normalise import MIN_SCORE
from engines.models.skeleton import LEFT, RIGHT

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Lengths = NDArray[np.floating]
# Bones whose ends detectors see: without the made-up spine, thorax, neck and head.
SEEN_BONES = [bone for bone, (child, _) in enumerate(BONES) if child not in (7, 8, 9, 10)]
LEFT_BONES = [bone for bone, (child, _) in enumerate(BONES) if child in LEFT]
RIGHT_BONES = [bone for bone, (child, _) in enumerate(BONES) if child in RIGHT]
BODY_M = 4.2  # sum of a grown person's 16 bones: poses are brought to it, so that no one gains by being small
RESTS, LEAPS_M = 0.01, 0.08  # a keypoint that moves less, of the person's height, while its joint goes deeper by more
_PASSES = 3


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Means over a person's frames; less is better in all."""

    frames: int
    bone_spread_percent: float  # standard deviation over time of each bone's length, of its mean
    asymmetry_percent: float  # difference of left and right bones' mean lengths, of their mean
    jitter_mm: float  # second difference of the joints, per frame squared, the body scaled to 4.2 m of bones
    reprojection_percent: float  # distance of projected joints from the keypoints, of the person's height in the image
    leaps: int  # in depth, from one frame to the next, of joints whose keypoint rests


def steadiness(poses_m: Float, rays: Float, score: Float, step: NDArray[np.int64]) -> Steadiness:
    """Poses (T, J, 3) about the hip, rays (T, J, 2), scores (T, J); `step` (T,) numbers the source's frames."""
    poses = np.asarray(poses_m, np.float64)
    lengths = bone_lengths(poses)
    scaled = poses * (BODY_M / lengths.mean(0).sum())
    unbroken = (np.diff(step)[1:] == np.diff(step).min()) & (np.diff(step)[:-1] == np.diff(step).min())
    second = np.linalg.norm(np.diff(scaled, 2, axis=0), axis=-1)[unbroken]
    return Steadiness(
        frames=len(poses),
        bone_spread_percent=bone_spread_percent(lengths),
        asymmetry_percent=asymmetry_percent(lengths),
        jitter_mm=1000 * float(second.mean()),
        reprojection_percent=100 * float(np.nanmean(reprojection(poses, rays, score))),
        leaps=leaps(poses, rays),
    )


def bone_spread_percent(lengths: Lengths) -> float:
    """Bone lengths (T, B) over a person's frames: their standard deviation, of their mean."""
    return 100 * float((lengths.std(0) / lengths.mean(0))[SEEN_BONES].mean())


def asymmetry_percent(lengths: Lengths) -> float:
    """Bone lengths (T, B): how far left and right lie apart, of their mean."""
    mean = lengths.mean(0)
    left, right = mean[LEFT_BONES], mean[RIGHT_BONES]
    return 100 * float((np.abs(left - right) / ((left + right) / 2)).mean())


def leaps(poses_m: Double, points: Float) -> int:
    """How often a joint of poses (T, J, 3) goes deeper or nearer at once by more than LEAPS_M while its keypoint rests.

    `points` (T, J, 2): rays or pixels, NaN where unseen.
    """
    height = float(np.nanmedian(np.nanmax(points[..., 1], 1) - np.nanmin(points[..., 1], 1)))
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1) / height
    deeper = np.abs(np.diff(poses_m[..., 2], axis=0))
    return int(((moved < RESTS) & (deeper > LEAPS_M)).sum())


def reprojection(poses_m: Double, rays: Float, score: Float) -> Double:
    """(T, J) distance from the keypoints of each joint, seen from where the pose fits best, over the person's height.

    The hip's place is that of least squares on the image; poses of any scale are treated alike. NaN where unseen.
    """
    seen = np.isfinite(rays).all(-1) & (score >= MIN_SCORE)
    xy = np.where(seen[..., None], rays, 0.0).astype(np.float64)
    depth = np.ones(seen.shape)
    for _ in range(_PASSES):  # weighted by the depth of the pass before: then it is the distance in the image
        root = _place(poses_m, xy, seen / depth)
        points = poses_m + root[:, None]
        depth = np.maximum(points[..., 2], 0.1)
    off = np.linalg.norm(points[..., :2] / depth[..., None] - xy, axis=-1)
    height = np.ptp(np.where(seen, xy[..., 1], np.nanmean(rays[..., 1])), axis=1, keepdims=True)
    return np.where(seen, off / np.maximum(height, 1e-6), np.nan)


def _place(poses_m: Double, xy: Double, weight: Double) -> Double:
    """(T, 3) with (P + t)_xy = r (P + t)_z as nearly as can be: rows t_xy - r t_z = r P_z - P_xy."""
    zero, one = np.zeros(weight.shape), np.ones(weight.shape)
    rows = np.stack((np.stack((one, zero, -xy[..., 0]), -1), np.stack((zero, one, -xy[..., 1]), -1)), -2)
    right = xy * poses_m[..., 2:] - poses_m[..., :2]
    square = np.einsum("tj,tjai,tjak->tik", weight**2, rows, rows) + 1e-9 * np.eye(3)
    return np.linalg.solve(square, np.einsum("tj,tjai,tja->ti", weight**2, rows, right)[..., None])[..., 0]
