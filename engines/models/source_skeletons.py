"""Other programs' joint sets as our 17: each joint from the set's own, by name, in the best way that is there.

Joints that a set lacks are derived: the hip is the middle of both hips, the thorax that of the shoulders, the spine
lies between them; neck and head lie on the line from the shoulders' to the ears' middle, or from one ear, or from the
nose, where the others are not seen. A derived joint's score is that of its parts, by their weights.

Laboratories do not agree on where a spine bends: 0.63 of the way from the hip to the thorax in the motion capture that
trains the shipped model, 0.48 in Human3.6M. Derived in the middle it costs 31 % of MPJPE on the former and 2 % on the
latter, where it is here 14 and 12 %: `realtime evaluate --data MOCAP --protocol skeletons`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.errors import UserError
from engines.models.normalise import MIN_SCORE
from engines.models.skeleton import FEET_OF_MEDIAPIPE33, HANDS_OF_MEDIAPIPE33, JOINT_NAMES

Float = NDArray[np.float32]
Way = Mapping[str, float]  # weights of a set's joints; they sum to 1

_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_SPINE = 0.57  # of the way from the hips' middle to the shoulders': between both
_SHOULDERS: Way = {"left_shoulder": 0.5, "right_shoulder": 0.5}
_HIPS: Way = {"left_hip": 0.5, "right_hip": 0.5}


def _on_the_neck(share: float) -> tuple[Way, ...]:
    """So far from the shoulders' middle (0) to the ears' (1), about 0.21 m."""
    shoulders = dict.fromkeys(_SHOULDERS, (1 - share) / 2)
    heads: tuple[Way, ...] = (
        {"left_ear": 0.5, "right_ear": 0.5}, {"left_ear": 1.0}, {"right_ear": 1.0}, {"nose": 1.0},
    )  # fmt: skip
    return tuple({**shoulders, **{name: share * weight for name, weight in head.items()}} for head in heads)


# MediaPipe's are made as the live detector makes them: see engines.models.skeleton.
_LIVE_SPINE: tuple[Way, ...] = (dict.fromkeys((*_SHOULDERS, *_HIPS), 0.25),)

# Each of our joints, and how it is made: the first way whose joints are all there.
WAYS: dict[str, tuple[Way, ...]] = {
    **{f"{side}_{joint}": ({f"{side}_{joint}": 1.0},) for side in ("right", "left") for joint in _LIMBS},
    "hip": ({"hip": 1.0}, _HIPS),
    "spine": ({"spine": 1.0}, {**dict.fromkeys(_SHOULDERS, _SPINE / 2), **dict.fromkeys(_HIPS, (1 - _SPINE) / 2)}),
    "thorax": ({"thorax": 1.0}, _SHOULDERS),
    "neck": ({"neck": 1.0}, *_on_the_neck(0.7)),
    "head": ({"head": 1.0}, *_on_the_neck(1.27)),
}


@dataclass(frozen=True, slots=True, eq=False)
class SourceSkeleton:
    """A joint set by its name. `joints`: the names that WAYS speaks of, at their places; others are not read."""

    name: str
    count: int
    joints: Mapping[str, int]
    about: str
    ways: Mapping[str, Sequence[Way]] = field(default_factory=lambda: WAYS, repr=False)
    feet: tuple[int, ...] = ()  # the places of FEET (engines.models.skeleton); none: it has no feet
    hands: tuple[int, ...] = ()  # those of HANDS likewise
    _rows: tuple[tuple[tuple[NDArray[np.intp], Float], ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = tuple(tuple(self._way(way) for way in self.ways[name] if way.keys() <= self.joints.keys())
                     for name in JOINT_NAMES)  # fmt: skip
        object.__setattr__(self, "_rows", rows)

    def _way(self, way: Way) -> tuple[NDArray[np.intp], Float]:
        return np.array([self.joints[name] for name in way], np.intp), np.array([*way.values()], np.float32)

    def to_17(self, xy: ArrayLike, score: ArrayLike) -> tuple[Float, Float]:
        """Keypoints (..., N, 2), NaN where missing, and scores (..., N) -> (..., 17, 2) and (..., 17).

        NaN and 0 where a joint cannot be made. Raises ValueError for another N.
        """
        given, sure = np.asarray(xy, np.float32), np.asarray(score, np.float32)
        if given.shape[-2:] != (self.count, 2) or sure.shape != given.shape[:-1]:
            raise ValueError(f"{self.name} has {self.count} joints, got {given.shape} and {sure.shape}")
        if self.name == OURS:
            return given, sure
        made = [self._joint(ways, given, sure) for ways in self._rows]
        return np.stack([at for at, _ in made], -2), np.stack([sure for _, sure in made], -1)

    def to_feet(self, xy: ArrayLike, score: ArrayLike) -> Float:
        """Keypoints (..., N, 2) and scores (..., N) -> FEET (..., 4, 3): places and scores, NaN and 0 where missing."""
        return _picked(self.feet, xy, score)

    def to_hands(self, xy: ArrayLike, score: ArrayLike) -> Float:
        """Keypoints (..., N, 2) and scores (..., N) -> HANDS (..., 6, 3), as `to_feet`."""
        return _picked(self.hands, xy, score)

    def _joint(self, ways: Sequence[tuple[NDArray[np.intp], Float]], xy: Float, score: Float) -> tuple[Float, Float]:
        out, sure = np.full((*score.shape[:-1], 2), np.nan, np.float32), np.zeros(score.shape[:-1], np.float32)
        for wanted in (MIN_SCORE, 0.0):  # what is hardly seen where there is nothing better
            for places, weights in ways:
                parts, scores = xy[..., places, :], score[..., places]
                there = np.isfinite(parts).all((-1, -2)) & (scores >= wanted).all(-1) & ~np.isfinite(out[..., 0])
                out[there] = np.einsum("ijk,j->ik", parts[there], weights)
                shares = np.abs(weights) / np.abs(weights).sum()
                sure[there] = (scores[there] @ shares).clip(0, 1)
        return out, sure


def _picked(places: tuple[int, ...], xy: ArrayLike, score: ArrayLike) -> Float:
    given, sure = np.asarray(xy, np.float32)[..., places, :], np.asarray(score, np.float32)[..., places, None]
    known = np.isfinite(given).all(-1, keepdims=True)
    return np.concatenate((given, np.where(known, sure.clip(0, 1), 0)), -1)


OURS = "h36m17"


def _named(*names: str) -> dict[str, int]:
    return {name: place for place, name in enumerate(names) if name}


_COCO = _named(
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
# OpenPose calls the shoulders' middle neck: our thorax.
_BODY_25 = _named(
    "nose", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
_MEDIAPIPE = {
    "nose": 0, "left_ear": 7, "right_ear": 8,
    **{f"{side}_{joint}": 2 * row + 11 + (side == "right")
       for row, joint in enumerate(("shoulder", "elbow", "wrist")) for side in ("left", "right")},
    **{f"{side}_{joint}": 2 * row + 23 + (side == "right")
       for row, joint in enumerate(("hip", "knee", "ankle")) for side in ("left", "right")},
}  # fmt: skip

SKELETONS: dict[str, SourceSkeleton] = {
    one.name: one
    for one in (
        SourceSkeleton(OURS, 17, _named(*JOINT_NAMES), "Human3.6M's 17 joints, as this project's own poses"),
        SourceSkeleton("coco17", 17, _COCO, "COCO: YOLO pose, rtmlib's body, Detectron2, ViTPose"),
        SourceSkeleton("movenet", 17, _COCO, "MoveNet: COCO's order; give x before y, in pixels"),
        SourceSkeleton("wholebody133", 133, _COCO, "COCO-WholeBody: rtmlib's wholebody, DWPose",
                       feet=(22, 20, 19, 17), hands=(129, 117, 114, 108, 96, 93)),
        SourceSkeleton("halpe26", 26, _COCO | {"thorax": 18, "hip": 19}, "Halpe-26: AlphaPose, rtmlib with feet",
                       feet=(25, 21, 24, 20)),
        SourceSkeleton("body25", 25, _BODY_25, "OpenPose's BODY_25", feet=(24, 22, 21, 19)),
        SourceSkeleton("mediapipe33", 33, _MEDIAPIPE, "MediaPipe's and BlazePose's 33 landmarks",
                       WAYS | {"spine": _LIVE_SPINE}, FEET_OF_MEDIAPIPE33, HANDS_OF_MEDIAPIPE33),
    )
}  # fmt: skip


def skeleton_named(name: str) -> SourceSkeleton:
    """Raises UserError that lists the names."""
    if name not in SKELETONS:
        raise UserError(f"there is no skeleton {name!r}: choose one of {', '.join(SKELETONS)}")
    return SKELETONS[name]


def skeleton_of_count(joints: int) -> SourceSkeleton:
    """The set with so many joints; 17: ours, see engines.keypoints.joint_order. Raises UserError."""
    for one in SKELETONS.values():
        if one.count == joints:
            return one
    known = ", ".join(f"{one.count} ({one.name})" for one in SKELETONS.values())
    raise UserError(f"there are {joints} joints, which no skeleton has: give those of one of {known}")
