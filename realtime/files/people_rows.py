"""People found frame by frame, as a recording with a column for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.models.skeleton import FEET, HANDS
from realtime.contracts import Person2D
from realtime.library.recording import Recording
from realtime.tracking.track import Tracker


def recording_of(
    frames: Sequence[Sequence[Person2D]], t_s: Sequence[float], image_wh: tuple[int, int]
) -> Recording:  # fmt: skip
    """Columns in the order in which people were first seen; one at the least."""
    ids = list(dict.fromkeys(person.track_id for persons in frames for person in persons)) or [0]
    shape = len(frames), len(ids), 17
    xy_px, score = np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32)
    feet = np.full((*shape[:2], len(FEET), 3), np.nan, np.float32)
    hands = np.full((*shape[:2], len(HANDS), 3), np.nan, np.float32)
    for row, persons in enumerate(frames):
        for person in persons:
            column = ids.index(person.track_id)
            xy_px[row, column], score[row, column] = person.xy_px, person.score
            feet[row, column] = np.nan if person.feet is None else person.feet
            hands[row, column] = np.nan if person.hands is None else person.hands
    score[~np.isfinite(xy_px).all(-1)] = 0
    with_feet = any(person.feet is not None for persons in frames for person in persons)
    with_hands = any(person.hands is not None for persons in frames for person in persons)
    return Recording(xy_px, score, np.array(t_s, np.float64), image_wh, np.array(ids, np.int64),
                     feet=feet if with_feet else None, hands=hands if with_hands else None)  # fmt: skip


class Followed:
    """Gives people of one frame after the other their numbers, and keeps to as many as are wanted."""

    def __init__(self, people: int) -> None:
        self._people, self._tracker = people, Tracker()
        self._kept: list[int] = []

    def push(self, persons: Sequence[Person2D], source_ns: int) -> list[Person2D]:
        """Those who were kept before, then the surest."""
        ids = self._tracker.assign([person.xy_px for person in persons], source_ns)
        known = {number: Person2D(number, person.xy_px, person.score, person.feet, person.hands)
                 for number, person in zip(ids, persons, strict=True)}  # fmt: skip
        order = sorted(known, key=lambda number: (number not in self._kept, -float(known[number].score.sum())))
        kept = order[: self._people]
        self._kept = [*kept, *(number for number in self._kept if number not in known)]
        return [known[number] for number in kept]
