"""A remembered body behind the lifter: every joint on its ray, every bone at its length, depths that do not flip.

What a frame cannot tell, the past does. How far a joint lies behind the hip is filtered over time, and follows the
lifter as far as the joint is seen to move: where its keypoint rests, so does its depth. Then the joints go on their
rays so that the bones have their remembered lengths (calibration.person.on_rays). A joint that is not seen hangs from
its neighbour as the lifter has it; one that comes or goes is brought over to its new place little by little.

All in the lifter's own metres. Plain numbers: see calibration.person.root.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.person.bones import BoneMemory
from calibration.person.jitter import Jitter
from calibration.person.on_rays import HIP, THORAX, depths_on_rays
from calibration.person.root import MIN_SCORE, Root, root_of_one
from engines.models.skeleton import JOINTS, PARENTS

Array = NDArray[np.float32]
Point = tuple[float, float, float]
Ray = Sequence[float]

GAP_S = 0.5  # longer without a frame: depths are begun anew; the bones are kept
FRAME_S = 1 / 30
# How far a depth goes in a frame while its keypoint rests, 1 sigma and at most, and for each metre that it moves.
_STILL_M, _FOLLOWS = 0.0015, 8.0
_MOST_STILL_M, _MOST_FOLLOWS = 0.006, 4.0
_MAY_MOVE_M = 0.008  # a joint that is not seen, in a frame
_ACROSS = 0.4  # of the lifter's error, which is mostly depth, how much is across the view
_BOTH = 2.0  # a bone's length is known the worse, the more its ends' keypoints wander
_RIGID = 0.75  # of the difference to its length that is taken from each bone in the end
_SURE_SCORE = 0.5
_LEAST_SIGMA_M = 0.01
_COMMON = 0.7  # of the least variance of the joints about a hip that is not seen, what all have in common
_OVER_M = 0.015  # as far as a joint that is newly seen, or no longer, is brought over about its neighbour in a frame
_LOST_M = 0.08  # 1 sigma more for a joint that was not seen in the frame
_SIDES_M = 0.2  # as far as joints are from those of the other side, about
_NO_WAY: Point = (0.0, 0.0, 0.0)
_VOTE_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """`joints_m` (17, 3) about the hip with their errors, and the hip's place with its own; the lifter's metres."""

    joints_m: Array
    sigma_m: Array  # (17,)
    root: Root


class Body:
    """Of one person: `fit` pose by pose."""

    def __init__(self, bones: BoneMemory | None = None) -> None:
        self.bones = bones or BoneMemory()
        self._jitter = Jitter()
        self._unvoted_s = _VOTE_EVERY_S
        self._time_s = math.nan
        self._hip: Point = (math.nan, math.nan, math.nan)
        self._rays: list[Ray | None] = []
        self._behind: list[float] = []  # how far the joints lie behind the hip
        self._variance: list[float] = []
        self._grip = [1.0] * JOINTS  # how far each joint is where it is seen
        self._arms: list[Point] = []  # from each joint's parent to it; the hip's from the thorax
        self._over: list[Point] = []  # what is left of the way that joints are brought over

    def fit(
        self, time_s: float, rays: Array, score: Array, joints_m: Array, sigma_m: Array,
        seen_now: Sequence[bool] = (True,) * JOINTS, doubt: float = 0.0,
    ) -> Fitted:  # fmt: skip
        """One moment: rays (17, 2), NaN where unseen, scores (17,), the lifted pose (17, 3) and its errors (17,).

        `seen_now`: not taken to be where they are, but seen in that very frame; `doubt` (0 to 1): about the sides.
        """
        trust, pose, sigma = score.tolist(), joints_m.tolist(), sigma_m.tolist()
        seen: list[Ray | None] = [
            ray if sure >= MIN_SCORE and math.isfinite(ray[0] + ray[1]) else None
            for ray, sure in zip(rays.tolist(), trust, strict=True)
        ]
        root = root_of_one(seen, trust, pose, sigma)
        if not math.isfinite(root.z_m) and 0 < time_s - self._time_s <= GAP_S:
            root = Root(*self._hip, max(root.sigma_depth_m, self._hip[2]), root.sigma_lateral_m)
        if not math.isfinite(root.z_m):
            return Fitted(joints_m, _doubted(sigma_m, seen_now, doubt), root)
        dt_s = time_s - self._time_s
        fresh = not 0 < dt_s <= GAP_S
        self._time_s, dt_s = time_s, FRAME_S if fresh else dt_s
        self._vote(seen, pose, sigma, root.z_m, dt_s)
        wander_m = self._jitter.push(seen, root.z_m, fresh)
        moved_m = self._moved(seen, root.z_m, fresh)
        before = list(self._behind)
        self._follow(pose, sigma, moved_m, dt_s, fresh)
        drawn, across_m = _between(seen, wander_m, pose, sigma, root)
        lengths, errors = self._lengths(across_m)
        anchor = HIP if seen[HIP] is not None or seen[THORAX] is None else THORAX
        z, behind = depths_on_rays(
            drawn, anchor, root.z_m + pose[anchor][2], max(root.sigma_depth_m, 0.02), _about(self._behind, anchor),
            self._deviations(seen, anchor), lengths, errors, 3 if fresh else 1,
        )  # fmt: skip
        if not fresh:
            still = _MOST_STILL_M * math.sqrt(dt_s / FRAME_S)
            behind = [
                max(old - still - _MOST_FOLLOWS * moved, min(new, old + still + _MOST_FOLLOWS * moved))
                for new, old, moved in zip(behind, _about(before, anchor), moved_m, strict=True)
            ]
        if fresh:
            self._arms, self._over = [], [_NO_WAY] * JOINTS
        placed = self._place(
            drawn, pose, [z + own for own in behind], lengths, _grips(seen, trust), _OVER_M * dt_s / FRAME_S
        )
        hip = placed[HIP]
        self._hip = hip
        self._behind = [point[2] - hip[2] for point in placed]
        joints = np.array(placed, np.float32) - np.array(hip, np.float32)
        at = Root(*hip, root.sigma_depth_m, root.sigma_lateral_m)
        return Fitted(joints, _doubted(sigma_m, seen_now, doubt), at)

    def _vote(
        self, seen: Sequence[Ray | None], pose: Sequence[Ray], sigma: Sequence[float], z: float, dt_s: float
    ) -> None:
        """Tell the bones what the frame says of them, ten times a second: those between say the same."""
        self._unvoted_s += dt_s
        if self._unvoted_s >= _VOTE_EVERY_S:
            self.bones.vote(_drawn_out(seen, pose, z), sigma, self._unvoted_s)
            self._unvoted_s = 0.0

    def _moved(self, rays: list[Ray | None], z: float, fresh: bool) -> list[float]:
        """How far each joint has moved across the view, in metres; a joint that is not seen may have moved any way."""
        before, self._rays = self._rays, rays
        if fresh:
            return [1.0] * JOINTS
        return [
            _MAY_MOVE_M if now is None or old is None else math.hypot(now[0] - old[0], now[1] - old[1]) * z
            for now, old in zip(rays, before, strict=True)
        ]

    def _follow(
        self, pose: Sequence[Ray], sigma: Sequence[float], moved_m: Sequence[float], dt_s: float, fresh: bool
    ) -> None:
        """Where the joints are believed to lie behind the hip, by the past and the lifter."""
        if fresh:
            self._behind = [own[2] for own in pose]
            self._variance = [error * error for error in sigma]
            return
        still = _STILL_M * math.sqrt(dt_s / FRAME_S)
        for joint in range(1, JOINTS):
            step = still + _FOLLOWS * moved_m[joint]
            variance = self._variance[joint] + step * step
            gain = variance / (variance + sigma[joint] * sigma[joint])
            self._behind[joint] += gain * (pose[joint][2] - self._behind[joint])
            self._variance[joint] = (1 - gain) * variance

    def _deviations(self, seen: Sequence[Ray | None], anchor: int) -> list[float]:
        """1 sigma of how far the joints lie behind the anchor. About another than the hip, of what they have in common,
        where the hip is, nothing is to be known."""
        variance = list(self._variance)
        if anchor != HIP:
            variance[HIP] = variance[anchor]
            common = _COMMON * min(own for own, ray in zip(variance, seen, strict=True) if ray is not None)
            variance = [own - common for own in variance]
        return [math.sqrt(max(own, _LEAST_SIGMA_M**2)) for own in variance]

    def _lengths(self, across_m: Sequence[float]) -> tuple[list[float], list[float]]:
        """Of the bone that ends in each joint, and the error that it is wanted with: ends wander too."""
        lengths, own_m = self.bones.of_joints_m, self.bones.errors_of_joints_m
        errors = [0.0] * JOINTS
        for joint in range(1, JOINTS):
            end, start, own = across_m[joint], across_m[PARENTS[joint]], own_m[joint]
            errors[joint] = math.sqrt(own * own + _BOTH * _BOTH * (end * end + start * start))
        return lengths, errors

    def _place(
        self, drawn: Sequence[Ray], pose: Sequence[Ray], depths: Sequence[float], lengths: Sequence[float],
        grip: Sequence[float], most: float,
    ) -> list[Point]:  # fmt: skip
        """The joints in camera axes: on their rays as far as `grip` has them there, the rest as the lifter has them.

        Who comes or goes is brought over by no more than `most` a bone.
        """
        rigid = 1.0 if self.bones.fixed else _RIGID
        placed: list[Point] = [self._place_hip(drawn, pose, depths, grip[HIP], most)]
        arms: list[Point] = [(0.0, 0.0, 0.0)]
        for joint in range(1, JOINTS):
            parent, held, wanted = PARENTS[joint], grip[joint], lengths[joint]
            from_x, from_y, from_z = placed[parent]
            x = y = deep = 0.0
            if held < 1:
                (x, y, deep), start = pose[joint], pose[parent]
                x, y, deep = _as_long(x - start[0], y - start[1], deep - start[2], wanted, 1.0)
            if held:
                far, ray = depths[joint], drawn[joint]
                share = rigid if joint != THORAX else rigid * grip[HIP]
                own = _as_long(ray[0] * far - from_x, ray[1] * far - from_y, far - from_z, wanted, share)
                x, y, deep = x + held * (own[0] - x), y + held * (own[1] - y), deep + held * (own[2] - deep)
            arm = self._brought_over(joint, (x, y, deep), held, most)
            arms.append(arm)
            placed.append((from_x + arm[0], from_y + arm[1], from_z + arm[2]))
        hip, thorax = placed[HIP], placed[THORAX]
        arms[HIP] = (hip[0] - thorax[0], hip[1] - thorax[1], hip[2] - thorax[2])
        self._arms, self._grip = arms, list(grip)
        return placed

    def _place_hip(
        self, drawn: Sequence[Ray], pose: Sequence[Ray], depths: Sequence[float], grip: float, most: float
    ) -> Point:
        """On its ray; one that is not seen hangs from the thorax."""
        z, far, own, thorax = depths[HIP], depths[THORAX], pose[HIP], pose[THORAX]
        hung_on = drawn[THORAX][0] * far, drawn[THORAX][1] * far, far
        on_ray = drawn[HIP][0] * z - hung_on[0], drawn[HIP][1] * z - hung_on[1], z - far
        arm = tuple(
            o - t + grip * (r - o + t) for o, t, r in zip(own, thorax, on_ray, strict=True)
        )
        x, y, deep = self._brought_over(HIP, arm, grip, most)  # type: ignore[arg-type]
        return hung_on[0] + x, hung_on[1] + y, hung_on[2] + deep

    def _brought_over(self, joint: int, arm: Point, grip: float, most: float) -> Point:
        """The way that is left is what lies between its old and its new place when a joint comes or goes."""
        if not self._arms:
            return arm
        if (grip > 0) != (self._grip[joint] > 0):
            old = self._arms[joint]
            left: Point = (old[0] - arm[0], old[1] - arm[1], old[2] - arm[2])
        else:
            left = self._over[joint]
        if left == _NO_WAY:
            return arm
        far = math.sqrt(left[0] ** 2 + left[1] ** 2 + left[2] ** 2)
        share = max(1 - most / max(far, 1e-9), 0.0)
        self._over[joint] = left = (share * left[0], share * left[1], share * left[2]) if share else _NO_WAY
        return arm[0] + left[0], arm[1] + left[1], arm[2] + left[2]


def _grips(seen: Sequence[Ray | None], score: Sequence[float]) -> list[float]:
    """How far each joint is to be where it is seen: by its score."""
    return [
        0.0 if ray is None else min((sure - MIN_SCORE) / (_SURE_SCORE - MIN_SCORE), 1.0)
        for ray, sure in zip(seen, score, strict=True)
    ]


def _about(behind: Sequence[float], anchor: int) -> list[float]:
    """Depths behind the hip as depths behind another joint."""
    return [own - behind[anchor] for own in behind]


def _doubted(sigma_m: Array, seen_now: Sequence[bool], doubt: float) -> Array:
    """The errors of a pose some of whose joints were not seen, or whose sides may be exchanged."""
    if doubt == 0 and all(seen_now):
        return sigma_m
    more = np.array([0.0 if seen else _LOST_M for seen in seen_now], np.float32)
    return np.asarray(np.sqrt(sigma_m**2 + more**2 + np.float32(doubt * _SIDES_M**2)), np.float32)


def _drawn_out(seen: Sequence[Ray | None], pose: Sequence[Ray], z: float) -> list[Point | None]:
    """The seen joints on their rays, as deep as the lifter has them."""
    return [
        None if ray is None else (ray[0] * (z + own[2]), ray[1] * (z + own[2]), z + own[2])
        for ray, own in zip(seen, pose, strict=True)
    ]


def _between(
    seen: Sequence[Ray | None], wander_m: Sequence[float], pose: Sequence[Ray], sigma: Sequence[float], root: Root
) -> tuple[list[Ray], list[float]]:
    """The rays to go by, between where the joints are seen and where the lifter has them, and their errors."""
    drawn: list[Ray] = []
    across_m: list[float] = []
    for ray, wander, own, error in zip(seen, wander_m, pose, sigma, strict=True):
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


def _as_long(x: float, y: float, z: float, wanted: float, share: float) -> Point:
    """A bone with so much of the difference to the length wanted taken away."""
    longer = 1 + share * (wanted / (math.sqrt(x * x + y * y + z * z) + 1e-9) - 1)
    return longer * x, longer * y, longer * z
