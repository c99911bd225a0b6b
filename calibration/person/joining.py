"""A body put together joint by joint: on the rays as far as joints are seen, the rest as the lifter has it.

Bones get their lengths. A joint that is not seen hangs from its neighbour; one that comes or goes is brought over to
its new place little by little. A hip that is not seen hangs from the thorax.

Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from typing import Final

from calibration.person.depths import FRAME_S
from calibration.person.on_rays import HIP, THORAX
from calibration.person.plain import Point, Ray
from engines.models.skeleton import JOINTS, PARENTS

_OVER_M: Final = 0.015  # as far as a joint is brought over about its neighbour in a frame


class Joining:
    """Of one person."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The next frame is the first."""
        self._grip: list[float] = [1.0] * JOINTS
        self._arms: list[Point] = []  # from each joint's neighbour to it; the hip's from the thorax
        self._over: list[Point | None] = [None] * JOINTS  # what is left of the way that joints are brought over

    def place(
        self, rays: list[Ray], depths_m: list[float], pose_m: list[Point], lengths_m: list[float],
        grip: list[float], rigid: float, dt_s: float,
    ) -> list[Point]:  # fmt: skip
        """The joints (17,) in camera axes: rays and depths to go by, the lifter's pose about the hip, bone lengths,
        how far each joint is where it is seen (0 to 1), and how much of a bone's difference to its length is taken."""
        most = _OVER_M * dt_s / FRAME_S
        placed: list[Point] = [self._place_hip(rays, depths_m, pose_m, grip[HIP], most)]
        arms: list[Point] = [(0.0, 0.0, 0.0)]  # the hip's is yet to come
        for joint in range(1, JOINTS):
            parent, held, wanted = PARENTS[joint], grip[joint], lengths_m[joint]
            from_x, from_y, from_z = placed[parent]
            x = y = deep = 0.0
            if held < 1:
                (x, y, deep), start = pose_m[joint], pose_m[parent]
                x, y, deep = _as_long(x - start[0], y - start[1], deep - start[2], wanted, 1.0)
            if held:
                far, ray = depths_m[joint], rays[joint]
                share = rigid if joint != THORAX else rigid * grip[HIP]
                own = _as_long(ray[0] * far - from_x, ray[1] * far - from_y, far - from_z, wanted, share)
                x, y, deep = x + held * (own[0] - x), y + held * (own[1] - y), deep + held * (own[2] - deep)
            arm = self._brought_over(joint, (x, y, deep), held, most)
            arms.append(arm)
            placed.append((from_x + arm[0], from_y + arm[1], from_z + arm[2]))
        hip, thorax = placed[HIP], placed[THORAX]
        arms[HIP] = (hip[0] - thorax[0], hip[1] - thorax[1], hip[2] - thorax[2])
        self._arms, self._grip = arms, grip
        return placed

    def _place_hip(
        self, rays: list[Ray], depths_m: list[float], pose_m: list[Point], grip: float, most: float
    ) -> Point:
        z, far, own, thorax = depths_m[HIP], depths_m[THORAX], pose_m[HIP], pose_m[THORAX]
        hung_on = rays[THORAX][0] * far, rays[THORAX][1] * far, far
        on_ray = rays[HIP][0] * z - hung_on[0], rays[HIP][1] * z - hung_on[1], z - far
        x, y, deep = own[0] - thorax[0], own[1] - thorax[1], own[2] - thorax[2]
        arm = x + grip * (on_ray[0] - x), y + grip * (on_ray[1] - y), deep + grip * (on_ray[2] - deep)
        x, y, deep = self._brought_over(HIP, arm, grip, most)
        return hung_on[0] + x, hung_on[1] + y, hung_on[2] + deep

    def _brought_over(self, joint: int, arm: Point, grip: float, most: float) -> Point:
        """The way that is left is what lies between its old and its new place when a joint comes or goes."""
        left = self._over[joint]
        if self._arms and (grip > 0) != (self._grip[joint] > 0):
            old = self._arms[joint]
            left = (old[0] - arm[0], old[1] - arm[1], old[2] - arm[2])
        if left is None:
            return arm
        far = math.sqrt(left[0] ** 2 + left[1] ** 2 + left[2] ** 2)
        if far <= most:
            self._over[joint] = None
            return arm
        share = 1 - most / far
        x, y, z = share * left[0], share * left[1], share * left[2]
        self._over[joint] = (x, y, z)
        return arm[0] + x, arm[1] + y, arm[2] + z


def _as_long(x: float, y: float, z: float, wanted: float, share: float) -> Point:
    """A bone with so much of the difference to the length wanted taken away."""
    longer = 1 + share * (wanted / (math.sqrt(x * x + y * y + z * z) + 1e-9) - 1)
    return longer * x, longer * y, longer * z
