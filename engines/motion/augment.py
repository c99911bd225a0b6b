"""Bodies and poses beyond the capture: recombined parts, bent limbs, other skeletons, mirrors.

All on bone directions (B, S, 16, 3) in the world (y up) and bone lengths (B, 16); a choice holds for its sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP
from engines.motion.mocap import Bank, Bodies, Float

# bone b ends in joint b + 1
TORSO, HEAD = [*range(6, 16)], [8, 9]
LEFT_ARM, RIGHT_ARM = [11, 12], [14, 15]
LEFT_LEG, RIGHT_LEG = [4, 5], [1, 2]
FLIP_BONES = [joint - 1 for joint in FLIP[1:]]
PARTS = (TORSO, [*LEFT_ARM, *RIGHT_ARM], LEFT_ARM, RIGHT_ARM, [*LEFT_LEG, *RIGHT_LEG])
# group of bones -> range of the factor on its length, where the range is wide
WIDE = (
    ([0, 3], 0.80, 1.75), ([1, 4], 0.78, 1.28), ([2, 5], 0.78, 1.28), ([6, 7], 0.82, 1.22),
    ([8], 0.6, 1.35), ([9], 0.6, 1.5), ([10, 13], 0.62, 1.6), ([11, 14], 0.8, 1.25), ([12, 15], 0.8, 1.28),
)  # fmt: skip


@dataclass(frozen=True)
class BodyAugmentation:
    """Shares of sequences (0 to 1) that get each change, and its size. Zeros switch a change off."""

    mirror: float = 0.5
    as_captured: float = 0.4  # poses that nothing bends or recombines: the most of what people do
    recombine: float = 0.35
    bend_limbs: float = 0.5
    bend_sigma_rad: float = 0.35
    sit: float = 0.12
    lean: float = 0.1
    arms: float = 0.2
    lie: float = 0.06
    straight: float = 0.12  # of legs, and of arms: knees and elbows as straight as people have them
    definitions: float = 0.6  # joints where another laboratory, or a detector, has them
    definition_rad: float = 0.12
    wide_skeleton: float = 0.75
    narrow_sigma: float = 0.04
    scale_sigma: float = 0.06


def rotation(axis: Float, angle: Float) -> Float:
    """Rodrigues: axes (..., 3), angles (...) -> matrices (..., 3, 3)."""
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    k = np.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).reshape(*axis.shape[:-1], 3, 3)
    sin, cos = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.asarray(np.eye(3) + sin * k + (1 - cos) * (k @ k), np.float32)


def turn(directions: Float, which: NDArray[np.intp], bones: list[int], matrices: Float) -> None:
    """Rotate `bones` of the sequences `which` in place; matrices (len(which), 1 or S, 3, 3)."""
    picked = directions[which][:, :, bones]
    _put(directions, which, bones, picked @ matrices.swapaxes(-1, -2))


def _put(directions: Float, which: NDArray[np.intp], bones: list[int], values: Float) -> None:
    directions[which[:, None, None], np.arange(directions.shape[1])[:, None], bones] = values


def augment(rng: np.random.Generator, bank: Bank, batch: int, length: int, how: BodyAugmentation) -> Bodies:
    """Draw sequences and change them: directions (B, S, 16, 3), root (B, S, 3) and lengths (B, 16)."""
    directions, root, lengths = bank.draw(rng, batch, length)
    kept = np.flatnonzero(rng.random(batch) < how.as_captured)
    captured = directions[kept]
    _recombine(rng, bank, directions, how)
    _bend(rng, directions, how)
    directions[kept] = captured
    _straighten(rng, directions, how)
    _redefine(rng, directions, how)
    flipped = np.flatnonzero(rng.random(batch) < how.mirror)
    directions[flipped] = directions[flipped][:, :, FLIP_BONES] * np.array((-1, 1, 1))
    root[flipped] *= np.array((-1, 1, 1))
    new_lengths = draw_lengths(rng, lengths, how)
    legs = new_lengths[:, 1:3].sum(-1) / lengths[:, 1:3].sum(-1)
    return directions, root * legs[:, None, None], new_lengths


def draw_lengths(rng: np.random.Generator, lengths: Float, how: BodyAugmentation) -> Float:
    """Another person measured by another laboratory: each group of bones its own factor, then one for the body."""
    batch = len(lengths)
    factors = np.ones_like(lengths)
    wide = rng.random(batch) < how.wide_skeleton
    for bones, low, high in WIDE:
        narrow = np.exp(rng.normal(0, how.narrow_sigma, batch))
        factors[:, bones] = np.where(wide, rng.uniform(low, high, batch), narrow)[:, None]
    out = lengths * factors
    spine = out[:, 6] + out[:, 7]  # laboratories put the spine joint a third to half way up
    share = np.where(wide, rng.uniform(0.3, 0.68, batch), out[:, 6] / spine)
    out[:, 6], out[:, 7] = spine * share, spine * (1 - share)
    return np.asarray(out * np.exp(rng.normal(0, how.scale_sigma, (batch, 1))), np.float32)


def _recombine(rng: np.random.Generator, bank: Bank, directions: Float, how: BodyAugmentation) -> None:
    """Give some sequences a part of another's body, turned about the vertical to face the same way."""
    which = np.flatnonzero(rng.random(len(directions)) < how.recombine)
    if not len(which):
        return
    other, _, _ = bank.draw(rng, len(which), directions.shape[1])
    yaw = _facing(directions[which]) - _facing(other)
    up = np.broadcast_to(np.array((0, 1, 0)), (*yaw.shape, 3))
    other = other @ rotation(up, yaw).swapaxes(-1, -2)
    part = rng.integers(len(PARTS), size=len(which))
    for number, bones in enumerate(PARTS):
        rows = part == number
        _put(directions, which[rows], bones, other[rows][:, :, bones])


def _facing(directions: Float) -> Float:
    """(B, S): the hip line's angle about the vertical."""
    return np.arctan2(-directions[:, :, 3, 2], directions[:, :, 3, 0])


def _bend(rng: np.random.Generator, directions: Float, how: BodyAugmentation) -> None:
    batch = len(directions)

    def chosen(share: float) -> NDArray[np.intp]:
        return np.flatnonzero(rng.random(batch) < share)

    def anywhere(which: NDArray[np.intp], sigma: float) -> Float:
        return rotation(rng.normal(size=(len(which), 1, 3)), rng.normal(0, sigma, (len(which), 1)))

    limbs = (LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG)
    for bones in (TORSO, HEAD, *limbs, *(limb[1:] for limb in limbs)):
        which = chosen(how.bend_limbs)
        turn(directions, which, bones, anywhere(which, how.bend_sigma_rad * (0.5 if bones in (TORSO, HEAD) else 1)))
    for bones in (LEFT_ARM, RIGHT_ARM):
        which = chosen(how.arms)
        turn(directions, which, bones, anywhere(which, 1.3))
    _flex_hips(rng, directions, chosen(how.sit), both=True)
    _flex_hips(rng, directions, chosen(how.sit / 2), both=False)
    which = chosen(how.lean)
    lean = rng.uniform(-0.5, 1.8, (len(which), 1))
    turn(directions, which, TORSO, rotation(directions[which, :1, 3], lean))
    which = chosen(how.lie)
    level = rng.normal(size=(len(which), 1, 3)) * (1, 0.15, 1)
    turn(directions, which, [*range(16)], rotation(level, rng.normal(np.pi / 2, 0.4, (len(which), 1))))


def _straighten(rng: np.random.Generator, directions: Float, how: BodyAugmentation) -> None:
    """Stretch knees or elbows: shin and forearm most of the way to where thigh and upper arm point."""
    for limbs in ((LEFT_LEG, RIGHT_LEG), (LEFT_ARM, RIGHT_ARM)):
        for upper, lower in limbs:
            which = np.flatnonzero(rng.random(len(directions)) < how.straight)
            left = rng.uniform(0, 0.5, (len(which), 1, 1))
            bent = left * directions[which, :, lower] + (1 - left) * directions[which, :, upper]
            directions[which, :, lower] = bent / np.maximum(np.linalg.norm(bent, axis=-1, keepdims=True), 1e-6)


def _redefine(rng: np.random.Generator, directions: Float, how: BodyAugmentation) -> None:
    """Hips, shoulders, neck and head a little elsewhere in their pelvis or trunk, alike left and right."""
    which = np.flatnonzero(rng.random(len(directions)) < how.definitions)
    across = directions[which][:, :, 3]  # right to left
    trunk = directions[which][:, :, 7]
    ahead = np.cross(across, trunk)
    count = len(which)
    for bones, size in (((0, 3), 1.5), ((10, 13), 1.5), ((6,), 0.7), ((7,), 0.7), ((8,), 1.5), ((9,), 1.5)):
        nod, tilt = rng.normal(0, size * how.definition_rad, (2, count, 1))
        for bone, side in zip(bones, (1, -1), strict=False):
            if len(bones) == 1:  # in the body's own plane: forward or back
                turn(directions, which, [bone], rotation(across, nod + 0 * across[..., 0]))
            else:  # higher or lower, forward or back
                turn(directions, which, [bone], rotation(ahead, side * tilt + 0 * nod + 0 * across[..., 0]))
                turn(directions, which, [bone], rotation(trunk, side * nod + 0 * across[..., 0]))


def _flex_hips(rng: np.random.Generator, directions: Float, which: NDArray[np.intp], both: bool) -> None:
    """Sit, crouch or kneel: thighs up about the hip line, shins back down by about as much or more."""
    axis = directions[which, :1, 3]  # right to left: a negative turn lifts the thigh forward
    legs = (LEFT_LEG, RIGHT_LEG) if both else ((LEFT_LEG, RIGHT_LEG)[rng.integers(2)],)
    thigh = rng.uniform(0.4, 2.0, (len(which), 1))
    knee = thigh * rng.uniform(0.3, 1.5, (len(which), 1))
    for leg in legs:
        uneven = rng.normal(0, 0.12, (2, len(which), 1))
        turn(directions, which, leg, rotation(axis, -thigh + uneven[0]))
        turn(directions, which, leg[1:], rotation(axis, np.minimum(knee, 2.4) + uneven[1]))
