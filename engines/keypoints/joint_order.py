"""Seventeen joints in COCO's order or in ours: told apart by where they lie."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from engines.models.normalise import MIN_SCORE

Float = NDArray[np.float32]
_FACE, _HIPS = slice(0, 5), slice(11, 13)  # in COCO's order
_TIGHT = 0.22  # of the body's size: a face; ours has hips, a knee and an ankle there
_FRAMES = 0.9  # of the frames have it so
_JOINTS_AT_LEAST = 12


def looks_like_coco(xy: Float, score: Float) -> bool:
    """Keypoints (..., 17, 2) and scores (..., 17): whether the first five are a face, far from what would be hips.

    False where too little is seen to tell.
    """
    points = np.where((score >= MIN_SCORE)[..., None], xy, np.nan).reshape(-1, 17, 2)
    points = points[np.isfinite(points).all(-1).sum(-1) >= _JOINTS_AT_LEAST]
    points = points[np.isfinite(points[:, _FACE]).all(-1).sum(-1) >= 3]
    points = points[np.isfinite(points[:, _HIPS]).all((1, 2))]
    if not len(points):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        size = np.linalg.norm(np.nanmax(points, 1) - np.nanmin(points, 1), axis=-1)
        face = points[:, _FACE]
        spread = np.linalg.norm(np.nanmax(face, 1) - np.nanmin(face, 1), axis=-1)
        away = np.linalg.norm(np.nanmean(face, 1) - points[:, _HIPS].mean(1), axis=-1)
    like = (spread < _TIGHT * size) & (away > 1.5 * spread)
    return bool(like.mean() >= _FRAMES)
