"""Joints on the rays they are seen along, at depths that give the bones their lengths: Gauss-Newton steps.

Unknown are the depth of one joint, the anchor, and every other joint's depth behind it. Each depth has a believed value
with an error; each bone wants its length. As bones make a tree, the normal equations are solved by going from its ends
to the anchor and back, with the anchor's depth as a border: in time linear in the joints.

Plain numbers: see calibration.person.plain.
"""

from __future__ import annotations

import math
from typing import Final

from calibration.person.plain import Ray
from engines.models.skeleton import JOINTS, PARENTS

_FURTHEST_STEP_M: Final = 0.3
_FAR: Final = 3.0  # sigmas: a bone further off than this pulls no more
HIP: Final = 0
SPINE: Final = 7
THORAX: Final = 8

Tree = tuple[tuple[int, int, int], ...]  # joint, its neighbour towards the anchor, the bone between: by its end's joint

_FROM_HIP: Tree = tuple((joint, PARENTS[joint], joint) for joint in range(1, JOINTS))
TREES: dict[int, Tree] = {
    HIP: _FROM_HIP,
    THORAX: (
        (SPINE, THORAX, THORAX), (HIP, SPINE, SPINE),
        *((joint, PARENTS[joint], joint) for joint in range(1, JOINTS) if joint not in (SPINE, THORAX)),
    ),
}  # fmt: skip


def depths_on_rays(
    rays: list[Ray], anchor: int, depth_m: float, depth_sigma_m: float, behind_m: list[float],
    sigma_m: list[float], lengths_m: list[float], length_sigma_m: list[float], steps: int = 3,
) -> tuple[float, list[float]]:  # fmt: skip
    """Rays (17,) as (x/z, y/z); believed depths of the anchor (a key of TREES), of the joints behind it (17,), and
    lengths of the bones that end in the joints (17,), each with 1-sigma errors -> the depths.

    One step is enough where the believed depths are those of the frame before.
    """
    tree = TREES[anchor]
    z, behind = depth_m, list(behind_m)
    for _ in range(steps):
        step_z, changes = _step(
            tree, rays, z, behind, depth_m, depth_sigma_m, behind_m, sigma_m, lengths_m, length_sigma_m
        )
        z += step_z
        for joint, _, _ in tree:
            behind[joint] += max(-_FURTHEST_STEP_M, min(changes[joint], _FURTHEST_STEP_M))
    return z, behind


def _step(
    tree: Tree, rays: list[Ray], z: float, behind: list[float], depth_m: float, depth_sigma_m: float,
    behind_m: list[float], sigma_m: list[float], lengths_m: list[float], length_sigma_m: list[float],
) -> tuple[float, list[float]]:  # fmt: skip
    own, slope, up, border = [0.0] * JOINTS, [0.0] * JOINTS, [0.0] * JOINTS, [0.0] * JOINTS
    for joint, _, _ in tree:
        own[joint] = 1 / (sigma_m[joint] * sigma_m[joint])
        slope[joint] = (behind_m[joint] - behind[joint]) * own[joint]
    root_own = 1 / (depth_sigma_m * depth_sigma_m)
    root_slope = (depth_m - z) * root_own
    root = tree[0][1]
    for joint, parent, bone in tree:
        end, start = rays[joint], rays[parent]
        end_z, start_z = z + behind[joint], z + behind[parent]
        x, y, deep = end[0] * end_z - start[0] * start_z, end[1] * end_z - start[1] * start_z, end_z - start_z
        length = math.sqrt(x * x + y * y + deep * deep) + 1e-9
        off, error = lengths_m[bone] - length, length_sigma_m[bone]
        weight = 1 / (error * max(error, abs(off) / _FAR))
        x, y, deep = x / length, y / length, deep / length
        by_end = x * end[0] + y * end[1] + deep
        by_start = -(x * start[0] + y * start[1] + deep)
        by_root = by_end + by_start
        own[joint] += weight * by_end * by_end
        slope[joint] += weight * by_end * off
        border[joint] += weight * by_end * by_root
        root_own += weight * by_root * by_root
        root_slope += weight * by_root * off
        if parent != root:
            up[joint] = weight * by_end * by_start
            own[parent] += weight * by_start * by_start
            slope[parent] += weight * by_start * off
            border[parent] += weight * by_start * by_root
    for joint, parent, _ in reversed(tree):  # every joint comes after its neighbour towards the anchor
        if up[joint]:
            share = up[joint] / own[joint]
            own[parent] -= share * up[joint]
            slope[parent] -= share * slope[joint]
            border[parent] -= share * border[joint]
        share = border[joint] / own[joint]
        root_own -= share * border[joint]
        root_slope -= share * slope[joint]
    step_z = max(-_FURTHEST_STEP_M, min(root_slope / root_own, _FURTHEST_STEP_M))
    steps = [0.0] * JOINTS
    for joint, parent, _ in tree:
        steps[joint] = (slope[joint] - border[joint] * step_z - up[joint] * steps[parent]) / own[joint]
    return step_z, steps
