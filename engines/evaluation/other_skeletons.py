"""Other programs' joints made from our 17 in space, to measure what is lost when ours are derived from theirs.

Motion capture has our joints alone. A set's hips, limbs and shoulders are the capture's own; the middles that a set has
(BODY_25's hip and neck) lie between them; ears lie 7 cm to the sides of the head's middle, which is where our neck and
head, together, say that it is; the nose 10 cm in front of it. Each is then seen, with the error of the joint it is made
from where keypoints are noisy, and our 17 are derived as `realtime lift` derives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import JOINT_NAMES
from engines.models.source_skeletons import SourceSkeleton

Float = NDArray[np.float32]
_EAR_M, _NOSE_M = 0.07, 0.10
_NECK, _HEAD = 0.7, 1.27  # from the shoulders' middle to the ears', as engines.models.source_skeletons has them
_MADE_OF = {"nose": "head", "left_ear": "neck", "right_ear": "neck"}  # whose errors they have


def seen_through(skeleton: SourceSkeleton, points_m: Float, rays: Float, score: Float) -> tuple[Float, Float]:
    """Our joints (T, 17, 3) in camera axes, where they are seen (T, 17, 2) and how surely (T, 17), as they come out of
    a detector of another joint set: rays (T, 17, 2), scores (T, 17)."""
    off = rays - _project(points_m)
    theirs = np.full((len(rays), skeleton.count, 2), np.nan, np.float32)
    sure = np.zeros(theirs.shape[:-1], np.float32)
    middles = {"hip": _middle(points_m, "hip"), "thorax": _middle(points_m, "shoulder"), **_head(points_m)}
    for name, place in skeleton.joints.items():
        if name in middles:
            at, of = middles[name], [JOINT_NAMES.index(one) for one in _made_of(name)]
        elif name in JOINT_NAMES:
            at, of = points_m[:, JOINT_NAMES.index(name)], [JOINT_NAMES.index(name)]
        else:  # eyes, toes: nothing is made from them
            continue
        theirs[:, place] = _project(at) + off[:, of].mean(1)
        sure[:, place] = score[:, of].mean(1)
    return skeleton.to_17(theirs, sure)


def _made_of(name: str) -> tuple[str, ...]:
    if name in ("hip", "thorax"):
        joint = "hip" if name == "hip" else "shoulder"
        return f"left_{joint}", f"right_{joint}"
    return (_MADE_OF[name],)


def _middle(points_m: Float, joint: str) -> Float:
    left, right = (points_m[:, JOINT_NAMES.index(f"{side}_{joint}")] for side in ("left", "right"))
    return np.asarray((left + right) / 2, np.float32)


def _head(points_m: Float) -> dict[str, Float]:
    """Ears and nose (T, 3)."""
    neck, head = (points_m[:, JOINT_NAMES.index(name)] for name in ("neck", "head"))
    base = _middle(points_m, "shoulder")
    ears = base + (_NECK * (neck - base) + _HEAD * (head - base)) / (_NECK**2 + _HEAD**2)
    left = _unit(points_m[:, JOINT_NAMES.index("left_shoulder")] - points_m[:, JOINT_NAMES.index("right_shoulder")])
    ahead = _unit(np.asarray(np.cross(left, _unit(ears - base)), np.float32))
    return {"left_ear": ears + _EAR_M * left, "right_ear": ears - _EAR_M * left, "nose": ears + _NOSE_M * ahead}


def _unit(vectors: NDArray[np.floating[Any]]) -> Float:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6), np.float32)


def _project(points_m: Float) -> Float:
    return np.asarray(points_m[..., :2] / points_m[..., 2:], np.float32)
