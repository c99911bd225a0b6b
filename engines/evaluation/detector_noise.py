"""What a keypoint detector makes of true image points, for evaluation: fixed strengths, other code than training's.

Strengths are shares of the person's height in the image: jitter that is correlated in time, a constant offset per
joint (another definition of the joint), a little white noise, left/right swaps, dropouts, and the image border. In
size they are those of CPN on Human3.6M (about 5 px of 400). Their second differences, 7 to 12 thousandths of the
height a frame, lie within MediaPipe's on real clips (3 to 23, motion included; true motion has 2 to 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP, JOINTS

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Rng = np.random.Generator
# Hips and shoulders are steadier than wrists and ankles.
JITTER = np.array((5, 6, 7, 9, 6, 7, 9, 5, 5, 5, 6, 5, 8, 11, 5, 8, 11)) / 1000
OFFSET = 0.007
WHITE = 0.0015
CORRELATION = 0.9  # from one frame to the next at 30 Hz
SWAPS_PER_S, DROPOUTS_PER_S = 0.06, 0.25
GROUPS = ((1, 2, 3, 4, 5, 6), (11, 12, 13, 14, 15, 16))
DROPPED = ((2, 3), (5, 6), (12, 13), (15, 16), (13,), (16,), (3,), (6,), (9, 10))
GUESSED_SHARE = 0.5  # of joints beyond the border the detector guesses, at a low score


def detect(rng: Rng, xy_px: Float, image_wh: tuple[int, int], rate_hz: float = 30.0) -> tuple[Float, Float]:
    """True image points (T, 17, 2) -> detected points (NaN where missing) and scores (T, 17)."""
    frames = len(xy_px)
    height = np.median(np.ptp(xy_px[..., 1], axis=1) + np.ptp(xy_px[..., 0], axis=1) * 0.3)
    wander = _correlated(rng, frames) * JITTER[:, None]
    steady = rng.normal(0, OFFSET, (1, JOINTS, 2))
    seen = xy_px + height * (wander + steady + rng.normal(0, WHITE, wander.shape))
    # a joint the detector is unsure of has a lower score: it wanders further
    score = np.clip(0.98 - 8 * np.linalg.norm(wander, axis=-1) - 0.05 * rng.random(wander.shape[:2]), 0.3, 1)
    for group in GROUPS:
        for start, stop in _events(rng, frames, SWAPS_PER_S / rate_hz, (2, 9)):
            seen[start:stop, group] = seen[start:stop, [FLIP[joint] for joint in group]]
    for start, stop in _events(rng, frames, DROPOUTS_PER_S / rate_hz, (3, 20)):
        gone = DROPPED[rng.integers(len(DROPPED))]
        seen[start:stop, gone], score[start:stop, gone] = np.nan, 0
    _border(rng, seen, score, image_wh)
    return seen.astype(np.float32), score.astype(np.float32)


def _correlated(rng: Rng, frames: int) -> Double:
    """(T, 17, 2) unit-variance noise of an autoregressive process."""
    wander = rng.standard_normal((frames, JOINTS, 2))
    for frame in range(1, frames):
        wander[frame] = CORRELATION * wander[frame - 1] + np.sqrt(1 - CORRELATION**2) * wander[frame]
    return wander


def _events(rng: Rng, frames: int, chance: float, span: tuple[int, int]) -> list[tuple[int, int]]:
    starts = np.flatnonzero(rng.random(frames) < chance)
    return [(int(start), int(start + rng.integers(*span))) for start in starts]


def _border(rng: Rng, seen: Double, score: Double, image_wh: tuple[int, int]) -> None:
    """Beyond the border a joint is missing, or guessed: held at the border with a low score."""
    with np.errstate(invalid="ignore"):
        outside = ((seen < 0) | (seen > np.array(image_wh) - 1)).any(-1)
    guessed = rng.random(JOINTS) < GUESSED_SHARE
    held = np.clip(seen, 0, np.array(image_wh) - 1)
    seen[outside & guessed] = held[outside & guessed]
    score[outside & guessed] = 0.25
    seen[outside & ~guessed] = np.nan
    score[outside & ~guessed] = 0
