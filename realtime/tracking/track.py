"""Keeps a person's id from frame to frame: the nearest skeletons belong together, through gaps of about a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.clock import NS_PER_S
from realtime.contracts import Array

MAX_GAP_S = 1.0
# How far a skeleton's joints may lie on average from where they were, in units of its size (diagonal of its box):
# at once, and for each second since. A walker covers about 0.8 of their size in a second.
_REACH = 0.25
_REACH_PER_S = 1.0


@dataclass
class _Track:
    track_id: int
    xy_px: Array  # (17, 2)
    seen_ns: int


class Tracker:
    """Greedy association by mean joint distance, nearest pair first. Ids count up from 0 and never come back."""

    def __init__(self, max_gap_s: float = MAX_GAP_S) -> None:
        self._max_gap_ns = round(max_gap_s * NS_PER_S)
        self._tracks: list[_Track] = []
        self._next_id = 0

    def assign(self, skeletons_px: Sequence[Array], source_ns: int) -> list[int]:
        """The track id of each skeleton (17, 2); NaN joints are ignored. `source_ns` must not go back."""
        self._tracks = [track for track in self._tracks if source_ns - track.seen_ns <= self._max_gap_ns]
        pairs = sorted(
            (distance, person, index)
            for person, xy_px in enumerate(skeletons_px)
            for index, track in enumerate(self._tracks)
            if (distance := _distance(xy_px, track.xy_px)) <= _reach((source_ns - track.seen_ns) / NS_PER_S)
        )
        matched: dict[int, int] = {}  # person -> track index
        for _, person, index in pairs:
            if person not in matched and index not in matched.values():
                matched[person] = index
        return [self._seen(matched.get(person), xy_px, source_ns) for person, xy_px in enumerate(skeletons_px)]

    def clear(self) -> None:
        """Another scene: nobody in it is who was there before."""
        self._tracks.clear()

    def _seen(self, index: int | None, xy_px: Array, source_ns: int) -> int:
        if index is None:
            self._tracks.append(_Track(self._next_id, xy_px.copy(), source_ns))
            self._next_id += 1
            return self._next_id - 1
        track = self._tracks[index]
        track.xy_px, track.seen_ns = xy_px.copy(), source_ns
        return track.track_id


def _distance(one: Array, other: Array) -> float:
    """Mean joint distance in units of the larger skeleton's size; infinite where no joint is in both."""
    both = np.isfinite(one).all(-1) & np.isfinite(other).all(-1)
    if not both.any():
        return float("inf")
    size_px = max(_size_px(one), _size_px(other), 1.0)
    return float(np.linalg.norm(one[both] - other[both], axis=-1).mean()) / size_px


def _size_px(xy_px: Array) -> float:
    return float(np.linalg.norm(np.nanmax(xy_px, axis=0) - np.nanmin(xy_px, axis=0)))


def _reach(gap_s: float) -> float:
    return _REACH + _REACH_PER_S * gap_s
