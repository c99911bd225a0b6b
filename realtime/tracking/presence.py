"""Who is in the stream: everyone in view or the one who is followed; who has appeared in it, and who has left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from realtime.clock import NS_PER_S
from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame

NEAREST, LARGEST = "nearest", "largest"
# Somebody within this part of the followed one's distance, or larger by as much, is followed instead once it was so
# for so long: nobody is dropped for a moment's passer-by.
_CLEARLY, _AFTER_NS = 0.8, NS_PER_S


class Followed:
    """Chooses one person of each frame. Whoever is chosen stays so while in view, until another is clearly nearer."""

    def __init__(self, whom: str) -> None:
        """`whom`: nearest (to the camera), largest (in the picture), or an id, which is waited for."""
        self._whom = whom
        self._id = int(whom) if whom.isdecimal() else None
        self._measures: dict[int, float] = {}  # the less, the rather is one chosen
        self._rival: tuple[int, int] | None = None  # their id, and since when

    def choose(self, frame: PoseFrame, keypoints: Keypoints2D) -> tuple[Pose3D, ...]:
        """The followed one of the frame's people; nobody while they are not in it."""
        if self._whom in (NEAREST, LARGEST):
            self._decide(frame, keypoints.persons)
        return tuple(person for person in frame.persons if person.track_id == self._id)

    def _decide(self, frame: PoseFrame, persons: Sequence[Person2D]) -> None:
        ids = [person.track_id for person in frame.persons]
        fresh = _distances_m(frame) if self._whom == NEAREST else _smallness(persons)
        self._measures = {one: fresh.get(one, self._measures.get(one, math.inf)) for one in ids}
        best = min(ids, key=self._measures.__getitem__, default=None)
        if self._id not in ids or best is None:
            self._id, self._rival = best, None
        elif best == self._id or self._measures[best] > _CLEARLY * self._measures[self._id]:
            self._rival = None
        elif self._rival is None or self._rival[0] != best:
            self._rival = best, frame.stamp.source_ns
        elif frame.stamp.source_ns - self._rival[1] >= _AFTER_NS:
            self._id, self._rival = best, None


class Presence:
    """The frames of one stream, in their order."""

    def __init__(self, follow: str | None = None) -> None:
        self._followed = None if follow is None else Followed(follow)
        self._there: list[int] = []

    def told(self, frame: PoseFrame, keypoints: Keypoints2D) -> PoseFrame:
        """The frame with those alone who belong in the stream, and what has changed since the one before."""
        persons = frame.persons if self._followed is None else self._followed.choose(frame, keypoints)
        there = [person.track_id for person in persons]
        before, self._there = self._there, there
        if there == before:
            return frame if self._followed is None else replace(frame, persons=persons)
        appeared = tuple(one for one in there if one not in before)
        return replace(frame, persons=persons, appeared=appeared, left=tuple(one for one in before if one not in there))


def _distances_m(frame: PoseFrame) -> dict[int, float]:
    """From the camera, along the floor."""
    ahead = 1 if frame.space == "world" else 2
    known = ((person.track_id, math.hypot(person.root_m[0], person.root_m[ahead])) for person in frame.persons)
    return {track_id: away_m for track_id, away_m in known if math.isfinite(away_m)}


def _smallness(persons: Sequence[Person2D]) -> dict[int, float]:
    """One over the diagonal of each person's box."""
    sizes_px = ((person.track_id, float(np.hypot(*(np.nanmax(person.xy_px, 0) - np.nanmin(person.xy_px, 0)))))
                for person in persons if np.isfinite(person.xy_px).any())  # fmt: skip
    return {track_id: 1 / size_px for track_id, size_px in sizes_px if size_px > 0}
