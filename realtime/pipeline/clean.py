"""What is seen of people, cleaned before it is lifted: a `Cleaner` for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.lens.rays import Camera
from engines.keypoints.clean import Cleaner
from engines.models.skeleton import FEET_FLIP, HANDS_FLIP, JOINTS
from realtime.clock import NS_PER_S
from realtime.contracts import Array

ALL_SEEN = (True,) * JOINTS


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One person in one frame."""

    track_id: int
    rays: Array  # (17, 2), NaN where not known
    score: Array  # (17,)
    seen: tuple[bool, ...] = ALL_SEEN  # (17,) in this very frame; others go on as they did
    doubt: float = 0.0  # 0 to 1, about left and right
    feet: Array | None = None  # (4, 3): rays and scores of FEET; None: not looked for
    hands: Array | None = None  # (6, 3): as `feet`, of HANDS


def rays_of(camera: Camera, points_px: Array | None) -> Array | None:
    """Places in the picture and scores (N, 3), of FEET or HANDS -> rays and scores (N, 3)."""
    if points_px is None:
        return None
    return np.concatenate((camera.rays(np.ascontiguousarray(points_px[:, :2])), points_px[:, 2:]), 1)


class CleanPeople:
    """`push` one frame's sightings, get them cleaned. People appear by themselves; `drop` those who left."""

    def __init__(self) -> None:
        self._cleaners: dict[int, Cleaner] = {}
        self.swapped = 0  # sightings whose sides were put right
        self.left_out = 0  # joints that could not be where they were seen

    def push(self, source_ns: int, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Without those of whom nothing is left to go by."""
        cleaned = [self._clean(source_ns, sighting) for sighting in sightings]
        return [sighting for sighting in cleaned if sighting is not None]

    def _clean(self, source_ns: int, sighting: Sighting) -> Sighting | None:
        cleaner = self._cleaners.setdefault(sighting.track_id, Cleaner())
        cleaned = cleaner.push(source_ns / NS_PER_S, sighting.rays, sighting.score)
        self.swapped += cleaned.swapped
        self.left_out += cleaned.left_out
        if not any(cleaned.seen):
            return None
        feet, hands = sighting.feet, sighting.hands
        if feet is not None and cleaned.legs_swapped:
            feet = feet[list(FEET_FLIP)]
        if hands is not None and cleaned.arms_swapped:
            hands = hands[list(HANDS_FLIP)]
        return Sighting(sighting.track_id, cleaned.rays, cleaned.score, cleaned.seen, cleaned.doubt, feet, hands)

    def drop(self, track_id: int) -> None:
        """Forget a person; unknown ids are fine."""
        self._cleaners.pop(track_id, None)

    def clear(self) -> None:
        """Forget everyone."""
        self._cleaners.clear()
