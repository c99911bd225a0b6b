"""What is seen of people, cleaned before it is lifted: a `Cleaner` for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engines.keypoints.clean import Cleaner
from engines.models.skeleton import JOINTS
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
        return Sighting(sighting.track_id, cleaned.rays, cleaned.score, cleaned.seen, cleaned.doubt)

    def drop(self, track_id: int) -> None:
        """Forget a person; unknown ids are fine."""
        self._cleaners.pop(track_id, None)

    def clear(self) -> None:
        """Forget everyone."""
        self._cleaners.clear()
