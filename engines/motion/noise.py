"""What a pose detector does to true keypoints: jitter, swaps, dropouts, stray joints, cut-off bodies, a wrong lens.

And what a slow camera does: the frames between its own are interpolated (realtime.pipeline.resample).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP, PARENTS
from engines.motion.mocap import Float

# limbs wander more than the trunk (share of the person's RMS extent, relative)
JOINT_NOISE = np.array((0.8, 0.8, 1.0, 1.2, 0.8, 1.0, 1.2, 0.7, 0.6, 0.7, 0.8, 0.7, 1.1, 1.4, 0.7, 1.1, 1.4))
Mask = NDArray[np.bool_]
SLOW = (2, 3, 6)  # model frames from one camera frame to the next: 15, 10 and 5 frames/s
BORDERS, BORDER_SHARES = ((0, 1), (1, 0), (-1, 0), (0, -1)), (0.6, 0.13, 0.13, 0.14)  # down: a desk, a table
CUT_THROUGHOUT = 0.5  # of the bodies cut off; the others come and go
FAR = 5.0  # extents from the hip: as far as a joint goes astray
LIMBS = ([1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16], [*range(1, 7), *range(11, 17)])


@dataclass(frozen=True)
class KeypointNoise:
    """Strengths and shares; zeros switch a part off."""

    clean: float = 0.25  # share of sequences with perfect keypoints (but for a slow camera's)
    jitter: float = 0.05  # usual jitter where it is large, share of the person's extent
    correlation: tuple[float, float] = (0.5, 0.97)  # of jitter from one frame to the next
    together: float = 0.4  # of a joint with the one it hangs from
    uneven: float = 0.4  # how unlike the joints of a sequence are: some are hardly ever found well
    lying: float = 0.25  # share of sequences whose scores say nothing of the jitter
    offset: float = 0.03  # constant per joint: another definition of the joint
    swap: float = 0.04
    dropout: float = 0.12
    thrown: float = 0.06  # share of sequences in which a joint is somewhere else for a while
    cut: float = 0.35
    wrong_lens: float = 0.4
    lens_sigma: float = 0.12
    slow: float = 0.2  # share of sequences from a camera of fewer than 30 frames/s


def detect(rng: np.random.Generator, rays: Float, how: KeypointNoise) -> tuple[Float, Float]:
    """True rays (B, S, 17, 2) -> what a detector says of them: rays, NaN where missing, and score (B, S, 17)."""
    batch, length = len(rays), int(rays.shape[1])
    extent = np.sqrt(((rays - rays[:, :, :1]) ** 2).sum(-1).mean(-1))[:, :, None, None]
    noisy = rng.random(batch) >= how.clean
    strength = noisy * how.jitter * rng.beta(1.2, 1.6, batch)
    score = 1 - 0.6 * noisy[:, None, None] * rng.beta(1, 5, (batch, 1, 17)) - 0.03 * rng.random((batch, length, 17))
    wobble = _correlated(rng, (batch, length, 17, 2), how)
    offset = rng.normal(size=(batch, 1, 17, 2)) * how.offset * (noisy * rng.random(batch))[:, None, None, None]
    told = np.where(rng.random((batch, 1, 1)) < how.lying, 0.2, 1 - score)
    uneven = np.exp(rng.normal(0, how.uneven, (batch, 1, 17)))
    scale = strength[:, None, None, None] * (JOINT_NOISE * uneven * (1 + 2 * told))[..., None]
    out = rays + extent * (offset + scale * wobble)
    _swap(rng, out, noisy & (rng.random(batch) < how.swap))
    _throw(rng, out, score, extent, noisy & (rng.random(batch) < how.thrown))
    out[_dropped(rng, batch, length, noisy & (rng.random(batch) < how.dropout))] = np.nan
    _cut(rng, out, score, rng.random(batch) < how.cut)
    wrong = np.exp(rng.normal(0, how.lens_sigma, batch) * (rng.random(batch) < how.wrong_lens))
    out *= wrong[:, None, None, None]
    return out.astype(np.float32), score.astype(np.float32)


def camera_frames(rng: np.random.Generator, batch: int, length: int, how: KeypointNoise) -> NDArray[np.int64]:
    """(B,) every how many model frames each sequence's camera sends one of its own."""
    slow = (length > 1) & (rng.random(batch) < how.slow)
    return np.where(slow, rng.choice(SLOW, batch), 1)


def _correlated(rng: np.random.Generator, shape: tuple[int, ...], how: KeypointNoise) -> Float:
    """Of unit variance; each sequence with a time of its own, each joint partly as the one it hangs from."""
    out = rng.standard_normal(shape, np.float32)
    kept = rng.uniform(*how.correlation, (shape[0], 1, 1)).astype(np.float32)
    fresh = np.sqrt(1 - kept**2)
    for frame in range(1, shape[1]):
        out[:, frame] = kept * out[:, frame - 1] + fresh * out[:, frame]
    own = math.sqrt(1 - how.together**2)
    for joint in range(1, shape[2]):
        out[:, :, joint] = own * out[:, :, joint] + how.together * out[:, :, PARENTS[joint]]
    return out


def _runs(rng: np.random.Generator, count: int, length: int) -> Mask:
    """(count, length) with one random run of True each."""
    first, last = np.sort(rng.integers(0, length + 1, (2, count)), axis=0)
    at = np.arange(length)
    return (at >= first[:, None]) & (at <= last[:, None])


def _swap(rng: np.random.Generator, rays: Float, which: Mask) -> None:
    """Left and right legs, arms or both change places for a while."""
    for row, run in zip(np.flatnonzero(which), _runs(rng, int(which.sum()), rays.shape[1]), strict=True):
        limbs = LIMBS[rng.integers(len(LIMBS))]
        frames = np.flatnonzero(run)[:, None]
        rays[row, frames, limbs] = rays[row, frames, [FLIP[joint] for joint in limbs]]


def _dropped(rng: np.random.Generator, batch: int, length: int, which: Mask) -> Mask:
    """(B, S, 17): joints missing for a run of frames."""
    joints = (rng.random((batch, 17)) < rng.uniform(0.05, 0.4, (batch, 1))) & which[:, None]
    return joints[:, None, :] & _runs(rng, batch, length)[:, :, None]


def _throw(rng: np.random.Generator, rays: Float, score: Float, extent: Float, which: Mask) -> None:
    """A joint is seen in one wrong place, or everywhere, for a while, with any score."""
    rows = np.flatnonzero(which)
    runs = _runs(rng, len(rows), rays.shape[1])
    for row, run in zip(rows, runs, strict=True):
        joint, frames = rng.integers(1, 17), np.flatnonzero(run)
        stays = rng.random() < 0.6
        place = rng.uniform(-FAR, FAR, (1 if stays else len(frames), 2)) * extent[row, frames[:1], 0]
        rays[row, frames, joint] = rays[row, frames, 0] + place
        score[row, frames, joint] = rng.uniform(0.2, 1)


def _cut(rng: np.random.Generator, rays: Float, score: Float, which: Mask) -> None:
    """The image ends: joints beyond its border are missing, or guessed with a low score."""
    rows = np.flatnonzero(which)
    side = np.array(BORDERS)[rng.choice(len(BORDERS), size=len(rows), p=BORDER_SHARES)]
    along = (rays[rows] * side[:, None, None]).sum(-1)
    hip = along[:, :, :1]
    reach = np.nanmax(np.abs(along - hip), axis=(1, 2), keepdims=True, initial=1e-3)
    outside = along - hip > reach * rng.uniform(-0.5, 0.95, (len(rows), 1, 1))
    outside &= (_runs(rng, len(rows), rays.shape[1]) | (rng.random((len(rows), 1)) < CUT_THROUGHOUT))[..., None]
    outside &= outside.sum(-1, keepdims=True) <= 13  # four joints are left to go by
    guessed = rng.random((len(rows), 1, 1)) < 0.3
    rays[rows] = np.where((outside & ~guessed)[..., None], np.nan, rays[rows])
    score[rows] = np.where(outside, score[rows] * 0.35, score[rows])


def interpolate(rays: Float, score: Float, every: NDArray[np.int64]) -> None:
    """Of sequences with only every second, third or sixth frame the camera's own, the frames between, in place.

    A joint missing in either neighbour is missing.
    """
    length = rays.shape[1]
    for frames in SLOW:
        rows = np.flatnonzero(every == frames)
        low = np.arange(length) // frames * frames
        high = np.minimum(low + frames, length - 1)
        share = ((np.arange(length) - low) / np.maximum(high - low, 1)).astype(np.float32)[:, None]
        between = (share[:, 0] > 0) & (share[:, 0] < 1)
        for values, part in ((rays, share[..., None]), (score, share)):
            known = values[rows]
            mixed = known[:, low] + (known[:, high] - known[:, low]) * part
            known[:, between] = mixed[:, between]
            values[rows] = known
