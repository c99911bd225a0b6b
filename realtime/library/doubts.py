"""What keypoints look like that are not what is wanted: refused, or taken with a warning, with the likely cause.

Only what real keypoints of real people do not show: a body half out of the picture, lying down or on its head for a
while gives no alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.keypoints.joint_order import looks_like_coco
from engines.models.normalise import MIN_SCORE
from engines.models.skeleton import JOINT_NAMES
from engines.models.source_skeletons import OURS, SKELETONS, SourceSkeleton, skeleton_of_count
from realtime.contracts import Array

Double = NDArray[np.float64]

_PARTS = 2.0  # keypoints in parts of the picture are hardly further out than this
_ENOUGH = 6  # joints to tell by
_MOSTLY = 0.9  # of the frames
_OUTSIDE = 0.15  # of the picture's size that sure joints are beyond it, and
_OFTEN, _SOMETIMES = 0.2, 0.02  # of sure joints that are, before it is said; and where width and height exchanged fit
_SURE = 0.5
_SLOW_S, _UNITS_S = 0.5, 2.0  # median times between frames: too slow to lift, and never seconds
_HIP, _THORAX, _HEAD = (JOINT_NAMES.index(name) for name in ("hip", "thorax", "head"))
_ANKLES = [JOINT_NAMES.index("right_ankle"), JOINT_NAMES.index("left_ankle")]


class KeypointsWarning(UserWarning):
    """Keypoints are lifted, and look like something else than what is wanted."""


def settle_skeleton(
    skeleton: SourceSkeleton | None, xy: Double, score: Double, name: str, recognise: bool = True
) -> tuple[SourceSkeleton, list[str]]:
    """The joint set of keypoints (..., N, 2): as named, by its count, or for 17 by where they lie; and what to say.

    Not `recognise`: COCO's order is refused too where no set is named. Raises UserError.
    """
    joints = xy.shape[-2]
    if skeleton is not None and skeleton.count != joints:
        raise UserError(f"{skeleton.name} has {skeleton.count} joints, {name} has {joints}: name the skeleton they "
                        "are of")  # fmt: skip
    try:
        found = skeleton or skeleton_of_count(joints)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    if found.name != OURS or not looks_like_coco(xy.astype(np.float32), score.astype(np.float32)):
        return found, []
    if skeleton is None and recognise:
        said = "the 17 joints lie as in COCO's order, and are taken so: name the skeleton, coco17"
        return SKELETONS["coco17"], [said]
    raise UserError(f"the 17 joints lie as in COCO's order, not as in {OURS}'s: name the skeleton, coco17")


def without_zeros(xy: Double, score: Double, name: str) -> tuple[Double, list[str]]:
    """Joints at exactly (0, 0) are missing ones; said where their score does not say so too."""
    zero = (xy == 0).all(-1)
    if not zero.any():
        return xy, []
    said = int((zero & (score > 0)).sum())
    missing = np.where(zero[..., None], np.nan, xy)
    if not said:
        return missing, []
    return missing, [f"{said} joints of {name} are at exactly (0, 0), and are taken as missing: write NaN for them, or "
                     "a score of 0"]  # fmt: skip


def check_pixels(xy: Double, score: Double, image_wh: tuple[int, int], name: str) -> list[str]:
    """Keypoints (..., N, 2), as given, for units and the picture's size. Raises UserError for parts of the picture."""
    known = xy[np.isfinite(xy).all(-1)]
    if len(known) >= _ENOUGH and max(image_wh) > 8 * _PARTS and (np.abs(known) <= _PARTS).mean() >= 0.99:
        raise UserError(f"{name} lie within {np.abs(known).max():.2g} of the corner, as parts of the picture do: "
                        "multiply them by image_wh")  # fmt: skip
    sure = xy[np.isfinite(xy).all(-1) & (score >= _SURE)]
    outside, (width, height) = _outside(sure, image_wh), image_wh
    exchanged = width != height and _outside(sure, (height, width)) < _SOMETIMES / 10
    if outside < (_SOMETIMES if exchanged else _OFTEN):
        return []
    if exchanged:
        cause = f"is it (height, width)? Give image_wh as ({height}, {width})"
    else:
        cause = "give the size of the picture that they were found in"
    return [f"{outside:.0%} of {name} are far outside of a picture of {width}x{height}: {cause}"]


def check_upright(xy: Array, score: Array, name: str) -> list[str]:
    """Our 17 joints (..., 17, 2): said where people stand on their heads in nearly all frames."""
    points = np.where((score >= MIN_SCORE)[..., None], xy, np.nan).reshape(-1, 17, 2)[..., 1]
    head, thorax, hip = points[:, _HEAD], points[:, _THORAX], points[:, _HIP]
    feet = points[:, _ANKLES].mean(1)
    known = np.isfinite(head + thorax + hip + feet)
    if not known.any():
        return []
    inverted = ((head > thorax) & (thorax > hip) & (hip > feet))[known]
    if inverted.mean() < _MOSTLY:
        return []
    return [f"people are upside down in {inverted.mean():.0%} of {name}: y grows downwards in a picture; give "
            "image_wh[1] - y where yours grows upwards, and turn what a camera filmed upside down"]  # fmt: skip


def check_pace(t_s: Double, name: str) -> list[str]:
    """Times (T,): whether frames follow each other as seconds do. Raises UserError for other units."""
    steps = np.diff(t_s)
    if not len(steps):
        return []
    step = float(np.median(steps))
    if step == 0:
        raise UserError(f"{name} is the same for most frames: give each frame its own time in seconds, in float64")
    if step >= _UNITS_S:
        unit, divisor = _unit(step)
        raise UserError(f"{name} grows by {step:g} a frame, as {unit} do: divide it by {divisor} to give seconds")
    if step > _SLOW_S:
        return [f"{name} has {step:.2g} s between frames: over {_SLOW_S} s each is lifted by itself, as if nothing had "
                "been before"]  # fmt: skip
    return []


def _unit(step: float) -> tuple[str, str]:
    for unit, divisor, longest in (("milliseconds", "1000", 3e3), ("microseconds", "1e6", 3e6)):
        if step < longest:
            return unit, divisor
    return "nanoseconds", "1e9"


def _outside(xy: Double, image_wh: tuple[int, int]) -> float:
    """The share of points (n, 2) that are well outside of the picture."""
    if not len(xy):
        return 0.0
    size = np.array(image_wh, np.float64)
    return float(((xy < -_OUTSIDE * size) | (xy > (1 + _OUTSIDE) * size)).any(-1).mean())
