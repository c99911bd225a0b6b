"""A remembered body behind the lifter: every joint on its ray, every bone at its length, depths that do not leap.

Of a frame it takes the keypoints' rays and the lifted pose. The depths are those of the past and the lifter
(calibration.person.depths); bone lengths are learned (bones); joints go on their rays so that the bones have them
(on_rays), the less the more the keypoints wander (jitter); then the body is put together (joining).

All in the lifter's own metres. Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.person.bones import BoneMemory
from calibration.person.depths import FRAME_S, DepthMemory
from calibration.person.jitter import Jitter
from calibration.person.joining import Joining
from calibration.person.misfit import Misfit
from calibration.person.on_rays import HIP, THORAX, depths_on_rays
from calibration.person.plain import Point, Ray, points_of
from calibration.person.root import MIN_SCORE, Root, root_of_one
from engines.models.known import SPREAD, Known, known
from engines.models.skeleton import JOINTS, PARENTS
from engines.models.view import SURE_SCORE

Array = NDArray[np.float32]
Vector = Sequence[float]

GAP_S: Final = 0.5  # longer without a frame: depths are begun anew; the bones are kept
_ACROSS: Final = 0.4  # of the lifter's error, which is mostly depth, how much is across the view
_BOTH: Final = 2.0  # a bone's length is known the worse, the more its ends' keypoints wander
_RIGID: Final = 0.75  # of the difference to its length that is taken from each bone in the end
_LEAST_SIGMA_M: Final = 0.01
# 1 sigma behind the body: so much of the lifter's, and so many times what its poses misfit the keypoints beyond wander.
# Fitted on subjects of the training, over ten ways to see them (evaluate's held-out, poses, cut-off, definitions).
_LEFT: Final = 0.82
_LEFT_WITHOUT_HIP: Final = 0.94  # as at a desk: every joint is told from a hip that nobody saw
_OTHERWISE: Final = 4.0
# What all votes on a bone have in common, in parts of how people differ: 0.06 to 0.4 on motion capture.
_IN_COMMON: Final = 0.3
_LOST_M: Final = 0.08  # 1 sigma more for a joint that was not seen in the frame
_SIDES_M: Final = 0.2  # as far as joints are from those of the other side, about
_VOTE_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """`joints_m` (17, 3) about the hip with their errors, and the hip's place with its own; the lifter's metres."""

    joints_m: Array
    sigma_m: Array  # (17,)
    root: Root


class Body:
    """Of one person: `fit` pose by pose."""

    def __init__(self, bones: BoneMemory | None = None, up: Vector = (0.0, 0.0, 0.0)) -> None:
        """`up`: in camera axes, its length how sure (engines.models.known)."""
        self.bones = bones or BoneMemory()
        self._jitter, self._depths, self._joining = Jitter(), DepthMemory(), Joining()
        self._misfit = Misfit()
        self._time_s = math.nan
        self._unvoted_s = _VOTE_EVERY_S
        self._hip: Point = (math.nan, math.nan, math.nan)
        self.up = up
        self.known = self._tell()  # another object whenever there is news

    def fit(
        self, time_s: float, rays: Array, score: Array, joints_m: Array, sigma_m: Array,
        seen_now: Sequence[bool] = (True,) * JOINTS, doubt: float = 0.0,
    ) -> Fitted:  # fmt: skip
        """One moment: rays (17, 2), NaN where unseen, scores (17,), the lifted pose (17, 3) and its errors (17,).

        `seen_now`: not taken to be where they are, but seen in that very frame; `doubt` (0 to 1): about the sides.
        """
        trust: list[float] = score.tolist()
        sigma: list[float] = sigma_m.tolist()
        pose = points_of(joints_m)
        rows: list[list[float]] = rays.tolist()
        seen: list[Ray | None] = [
            (ray[0], ray[1]) if sure >= MIN_SCORE and math.isfinite(ray[0] + ray[1]) else None
            for ray, sure in zip(rows, trust)
        ]
        root, dt_s = root_of_one(seen, trust, pose, sigma), time_s - self._time_s
        fresh = not 0 < dt_s <= GAP_S
        if not fresh and not math.isfinite(root.z_m):
            root = _root_at(self._hip, max(root.sigma_depth_m, self._hip[2]), root.sigma_lateral_m)
        errors = _doubted(sigma_m, seen_now, doubt)
        if not math.isfinite(root.z_m):
            return Fitted(joints_m, errors, root)
        self._time_s = time_s
        placed = self._fit(root, seen, trust, pose, sigma, FRAME_S if fresh else dt_s, fresh)
        self._hip = placed[HIP]
        joints = np.array(placed, np.float32) - np.array(self._hip, np.float32)
        left = _LEFT if seen[HIP] is not None else _LEFT_WITHOUT_HIP
        errors = np.sqrt((left * errors) ** 2 + np.float32((_OTHERWISE * self._misfit.beyond_m) ** 2))
        return Fitted(joints, errors, _root_at(self._hip, root.sigma_depth_m, root.sigma_lateral_m))

    def _fit(
        self, root: Root, seen: list[Ray | None], score: list[float], pose: list[Point], sigma: list[float],
        dt_s: float, fresh: bool,
    ) -> list[Point]:  # fmt: skip
        """The joints in camera axes."""
        self._vote(seen, pose, sigma, root.z_m, dt_s)
        self._depths.follow(seen, root.z_m, [own[2] for own in pose], sigma, dt_s, fresh)
        wander_m = self._jitter.push(seen, root.z_m, fresh)
        drawn, across_m = _between(seen, wander_m, pose, sigma, root)
        self._misfit.push(seen, wander_m, pose, root, dt_s)
        anchor = HIP if seen[HIP] is not None or seen[THORAX] is None else THORAX
        away_m, sigma_away_m = root.z_m + pose[anchor][2], max(root.sigma_depth_m, 0.02)
        believed_m, errors_m = self._depths.about(anchor)
        z, behind = depths_on_rays(
            drawn, anchor, away_m, sigma_away_m, believed_m, errors_m, self.bones.of_joints_m,
            self._bone_errors(across_m), steps=3 if fresh else 1,
        )
        if fresh:
            self._joining.reset()
        else:
            behind = self._depths.within_reach(behind, anchor, dt_s)
        placed = self._joining.place(
            drawn, [z + own for own in behind], pose, self.bones.of_joints_m, _grips(seen, score),
            1.0 if self.bones.fixed else _RIGID, dt_s,
        )  # fmt: skip
        deep = placed[HIP][2]
        self._depths.settle([point[2] - deep for point in placed])
        return placed

    def _vote(
        self, seen: list[Ray | None], pose: list[Point], sigma: list[float], z: float, dt_s: float
    ) -> None:
        """Tell the bones what the frame says of them, ten times a second: those between say the same."""
        self._unvoted_s += dt_s
        if self._unvoted_s >= _VOTE_EVERY_S:
            self.bones.vote(_drawn_out(seen, pose, z), sigma, self._unvoted_s)
            self._unvoted_s = 0.0
            self.known = self._tell()

    def _tell(self) -> Known:
        """For the lifter's next frames."""
        errors = [math.hypot(spread, _IN_COMMON * usual) for spread, usual in zip(self.bones.spread, SPREAD)]
        return known(self.bones.lengths_m, errors, self.up)

    def _bone_errors(self, across_m: list[float]) -> list[float]:
        """1 sigma that each bone's length is wanted with: its own, and that of its ends, which wander."""
        errors = [0.0] * JOINTS
        for joint in range(1, JOINTS):
            end, start, own = across_m[joint], across_m[PARENTS[joint]], self.bones.errors_of_joints_m[joint]
            errors[joint] = math.sqrt(own * own + _BOTH * _BOTH * (end * end + start * start))
        return errors


def _root_at(hip: Point, sigma_depth_m: float, sigma_lateral_m: float) -> Root:
    return Root(hip[0], hip[1], hip[2], sigma_depth_m, sigma_lateral_m)


def _grips(seen: list[Ray | None], score: list[float]) -> list[float]:
    """How far each joint is to be where it is seen: by its score."""
    return [
        0.0 if ray is None else min((sure - MIN_SCORE) / (SURE_SCORE - MIN_SCORE), 1.0)
        for ray, sure in zip(seen, score)
    ]


def _doubted(sigma_m: Array, seen_now: Sequence[bool], doubt: float) -> Array:
    """The errors of a pose some of whose joints were not seen, or whose sides may be exchanged."""
    if doubt == 0 and all(seen_now):
        return sigma_m
    more = np.array([0.0 if seen else _LOST_M for seen in seen_now], np.float32)
    return np.asarray(np.sqrt(sigma_m**2 + more**2 + np.float32(doubt * _SIDES_M**2)), np.float32)


def _drawn_out(seen: list[Ray | None], pose: list[Point], z: float) -> list[Point | None]:
    """The seen joints on their rays, as deep as the lifter has them."""
    return [
        None if ray is None else (ray[0] * (z + own[2]), ray[1] * (z + own[2]), z + own[2])
        for ray, own in zip(seen, pose)
    ]


def _between(
    seen: list[Ray | None], wander_m: list[float], pose: list[Point], sigma: list[float], root: Root
) -> tuple[list[Ray], list[float]]:
    """The rays to go by, between where the joints are seen and where the lifter has them, and their errors."""
    drawn: list[Ray] = []
    across_m: list[float] = []
    for ray, wander, own, error in zip(seen, wander_m, pose, sigma):
        deep = root.z_m + own[2]
        x, y = (root.x_m + own[0]) / deep, (root.y_m + own[1]) / deep
        believed = _ACROSS * max(error, _LEAST_SIGMA_M)
        if ray is None:
            drawn.append((x, y))
            across_m.append(believed)
            continue
        share = believed * believed / (believed * believed + wander * wander)
        drawn.append((x + share * (ray[0] - x), y + share * (ray[1] - y)))
        across_m.append(math.sqrt(share) * wander)
    return drawn, across_m
