"""Joints on the rays they are seen along, at depths that give the bones their lengths: a few Gauss-Newton steps.

Unknown are the hip's depth and each seen joint's depth behind it. Each depth has a believed value with an error; each
bone whose ends are both seen wants its length. As bones make a tree, the normal equations are solved by going from the
hands, feet and head to the hip and back, with the hip's depth as a border: in time linear in the joints.

Plain numbers: see calibration.person.root.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engines.models.skeleton import JOINTS, PARENTS

_FURTHEST_STEP_M = 0.3
_FAR = 3.0  # sigmas: a bone further off than this pulls no more

Ray = Sequence[float]


def depths_on_rays(
    rays: Sequence[Ray | None],
    hip_m: float,
    hip_sigma_m: float,
    behind_m: Sequence[float],
    sigma_m: Sequence[float],
    lengths_m: Sequence[float],
    length_sigma_m: Sequence[float],
    steps: int = 3,
) -> tuple[float, list[float]]:
    """Rays (17,) as (x/z, y/z), None where unseen, but for the hip's; believed depths of the hip, of the joints behind
    it (17,), and lengths of the bones that end in the joints (17,), each with 1-sigma errors -> the depths.

    One step is enough where the believed depths are those of the frame before.
    """
    seen = [joint for joint in range(1, JOINTS) if rays[joint] is not None]
    z, behind = hip_m, list(behind_m)
    for _ in range(steps):
        step_z, changes = _step(rays, seen, z, behind, hip_m, hip_sigma_m, behind_m, sigma_m, lengths_m, length_sigma_m)
        z += step_z
        for joint in seen:
            behind[joint] += max(-_FURTHEST_STEP_M, min(changes[joint], _FURTHEST_STEP_M))
    return z, behind


def _step(
    rays: Sequence[Ray | None], seen: Sequence[int], z: float, behind: Sequence[float], hip_m: float,
    hip_sigma_m: float, behind_m: Sequence[float], sigma_m: Sequence[float], lengths_m: Sequence[float],
    length_sigma_m: Sequence[float],
) -> tuple[float, list[float]]:  # fmt: skip
    own, slope, up, hip = [0.0] * JOINTS, [0.0] * JOINTS, [0.0] * JOINTS, [0.0] * JOINTS
    for joint in seen:
        own[joint] = 1 / (sigma_m[joint] * sigma_m[joint])
        slope[joint] = (behind_m[joint] - behind[joint]) * own[joint]
    hip_own = 1 / (hip_sigma_m * hip_sigma_m)
    hip_slope = (hip_m - z) * hip_own
    for joint in seen:
        parent = PARENTS[joint]
        end, start = rays[joint], rays[parent]
        if end is None or start is None:
            continue
        end_z, start_z = z + behind[joint], z + (behind[parent] if parent else 0.0)
        x, y, deep = end[0] * end_z - start[0] * start_z, end[1] * end_z - start[1] * start_z, end_z - start_z
        length = math.sqrt(x * x + y * y + deep * deep) + 1e-9
        off = lengths_m[joint] - length
        error = length_sigma_m[joint]
        weight = 1 / (error * max(error, abs(off) / _FAR))
        x, y, deep = x / length, y / length, deep / length
        by_end = x * end[0] + y * end[1] + deep
        by_start = -(x * start[0] + y * start[1] + deep)
        by_hip = by_end + by_start
        own[joint] += weight * by_end * by_end
        slope[joint] += weight * by_end * off
        hip[joint] += weight * by_end * by_hip
        hip_own += weight * by_hip * by_hip
        hip_slope += weight * by_hip * off
        if parent:
            up[joint] = weight * by_end * by_start
            own[parent] += weight * by_start * by_start
            slope[parent] += weight * by_start * off
            hip[parent] += weight * by_start * by_hip
    for joint in reversed(seen):  # every joint comes after its parent
        parent = PARENTS[joint]
        if up[joint]:
            share = up[joint] / own[joint]
            own[parent] -= share * up[joint]
            slope[parent] -= share * slope[joint]
            hip[parent] -= share * hip[joint]
        share = hip[joint] / own[joint]
        hip_own -= share * hip[joint]
        hip_slope -= share * slope[joint]
    step_z = max(-_FURTHEST_STEP_M, min(hip_slope / hip_own, _FURTHEST_STEP_M))
    steps = [0.0] * JOINTS
    for joint in seen:
        steps[joint] = (slope[joint] - hip[joint] * step_z - up[joint] * steps[PARENTS[joint]]) / own[joint]
    return step_z, steps
