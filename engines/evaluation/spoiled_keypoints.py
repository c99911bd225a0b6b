"""What goes wrong with keypoints beyond noise: bodies cut off, joints gone astray, sides exchanged, other definitions.

Each changes rays (T, 17, 2) and scores (T, 17) of one person in place; every draw has a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import FLIP, PARENTS

Float = NDArray[np.float32]
Rng = np.random.Generator
Spoil = Callable[[Rng, Float, Float], None]

DESK = (0, 1, 2, 3, 4, 5, 6)  # hips and legs
LEGS, SIDE, HEAD = (2, 3, 5, 6), (4, 5, 6, 11, 12, 13), (9, 10)
UPPER = (7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
ENDS = (3, 6, 13, 16)  # ankles and wrists
CALM = 20  # frames at the beginning in which nothing goes wrong
EVERY = 60  # frames from one stray run to the next
COME_AND_GO = 60  # frames seen, then as many not


@dataclass(frozen=True, slots=True)
class CutOff:
    """These joints are outside the picture, throughout or every other two seconds."""

    joints: tuple[int, ...]
    comes_back: bool = False

    def __call__(self, rng: Rng, rays: Float, score: Float) -> None:
        gone = np.arange(len(rays)) // COME_AND_GO % 2 == 1 if self.comes_back else np.ones(len(rays), bool)
        rows = np.flatnonzero(gone)[:, None]
        rays[rows, list(self.joints)], score[rows, list(self.joints)] = np.nan, 0


@dataclass(frozen=True, slots=True)
class Stray:
    """A wrist or ankle is somewhere in the picture for so many frames, every two seconds, with this score."""

    frames: int
    score: float

    def __call__(self, rng: Rng, rays: Float, score: Float) -> None:
        middle, reach = rays[:, 0].copy(), 3 * np.ptp(rays, axis=1).max(-1)
        for first in range(CALM, len(rays), EVERY):
            joint, run = ENDS[rng.integers(len(ENDS))], slice(first, first + self.frames)
            place = rng.uniform(-0.5, 0.5, 2) * reach[first]
            rays[run, joint], score[run, joint] = middle[first] + place, self.score


def every_other_frame_swapped(rng: Rng, rays: Float, score: Float) -> None:
    """Left and right of the whole body, from the second frame on."""
    rays[1::2], score[1::2] = rays[1::2][:, list(FLIP)], score[1::2][:, list(FLIP)]


def other_definitions(rng: Rng, rays: Float, score: Float) -> None:
    """Every joint is a constant share of its bone off, as laboratories and detectors differ: hips and head the most."""
    share = np.array((0.3, 0.5, 0.06, 0.06, 0.5, 0.06, 0.06, 0.25, 0.12, 0.3, 0.3, 0.3, 0.08, 0.08, 0.3, 0.08, 0.08))
    bone = np.linalg.norm(rays[:, 1:] - rays[:, list(PARENTS[1:])], axis=-1).mean()
    rays += (rng.normal(size=(17, 2)) * share[:, None] * bone * 0.25).astype(np.float32)
