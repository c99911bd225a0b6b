"""Keeps a person's id from frame to frame: through crossings, at any rate, and through absences of up to 3 s.

It goes by what the detector finds alone, in the process that finds it: nothing need come back from the lifter. Where
the detector has a 3D of its own, that tells who stands before whom, and who is of which build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.clock import NS_PER_MS, NS_PER_S
from realtime.contracts import Array
from realtime.tracking.assignment import NOBODY, assign
from realtime.tracking.likeness import TRUNK, Known, Offsets, costs, offsets
from realtime.tracking.look import Looks, builds, looks
from realtime.tracking.motion import Motion

MAX_GAP_S = 3.0
# Who was seen for less than this is perhaps nobody, and soon forgotten: after so long, or half as much again as the
# last frame took to come.
_FLEETING_NS, _FLEETING_GAP_NS, _FLEETING_FRAMES = 400 * NS_PER_MS, 1200 * NS_PER_MS, 1.5
_SOMEONE_NEW = 30.0  # a cost beyond which somebody is rather new
_BUILD_LOOKS = 30.0  # a build is the mean of about so many looks
_BUILD_EVERY_NS = 100 * NS_PER_MS  # of somebody alone: those between say the same
_ALONE_S = 0.2  # so soon, somebody alone is who was alone before, if they can have gone there
_POSE_SHARE = 0.7  # of the newest look, in the remembered pose


@dataclass(slots=True, eq=False)
class _Person:
    track_id: int
    motion: Motion
    pose: Array  # (17, 2) about the trunk, in bodies, 0 where unknown
    seen: Array  # (17,) 1 or 0
    build: Array | None
    build_looks: float
    first_ns: int
    seen_ns: int


class Tracker:
    """Those who are seen and those who are known are paired at the least cost in all.

    Ids count up from 0; none comes back once its person has been away for too long.
    """

    def __init__(self, max_gap_s: float = MAX_GAP_S) -> None:
        self._max_gap_ns = round(max_gap_s * NS_PER_S)
        self._people: list[_Person] = []
        self._next_id = 0
        self._built_ns = 0
        self._frame_ns: int | None = None  # of the last frame

    def assign(
        self, skeletons_px: Sequence[Array], source_ns: int, joints_m: Sequence[Array] | None = None
    ) -> list[int]:
        """The track id of each skeleton (17, 2); NaN joints are ignored. `source_ns` must not go back.

        `joints_m`: the detector's own 3D of each, (17, 3) in camera axes.
        """
        self._forget(source_ns)
        if not len(skeletons_px):
            return []
        people, seen = list(self._people), looks(skeletons_px, joints_m)
        known = [_expected(person, (source_ns - person.seen_ns) / NS_PER_S) for person in people]
        alone = len(known) == len(skeletons_px) == 1 and known[0].gap_s <= _ALONE_S
        build = None if alone and source_ns - self._built_ns < _BUILD_EVERY_NS else builds(seen)
        if build is not None:
            self._built_ns = source_ns
        if not known:
            return [self._someone_new(seen, build, row, source_ns) for row in range(len(skeletons_px))]
        off = offsets(seen, known)
        columns = _alone(off) if alone else assign(costs(off, seen, build, known).tolist(), _SOMEONE_NEW)
        ids: list[int] = []
        for row, column in enumerate(columns):
            if column == NOBODY:
                ids.append(self._someone_new(seen, build, row, source_ns))
                continue
            ids.append(people[column].track_id)
            off_px = (off.trunk[row, column] * seen.size_px[row]).tolist()
            _see(people[column], known[column].motion, seen, row, off_px, source_ns)
            _see_build(people[column], build, row)
        return ids

    def clear(self) -> None:
        """Another scene: nobody in it is who was there before."""
        self._people.clear()

    def _forget(self, source_ns: int) -> None:
        step_ns = 0 if self._frame_ns is None else source_ns - self._frame_ns
        self._frame_ns = source_ns
        soon_ns = min(max(_FLEETING_GAP_NS, round(_FLEETING_FRAMES * step_ns)), self._max_gap_ns)
        self._people = [
            person for person in self._people
            if source_ns - person.seen_ns <= (soon_ns if _fleeting(person) else self._max_gap_ns)
        ]  # fmt: skip

    def _someone_new(self, seen: Looks, build: Array | None, row: int, source_ns: int) -> int:
        trunk = [joint for joint in TRUNK if seen.seen[row, joint]] or np.flatnonzero(seen.seen[row]).tolist()
        x, y = seen.xy_px[row, trunk].mean(0).tolist() if trunk else (0.0, 0.0)
        motion = Motion((x, y), float(seen.size_px[row]), seen.size_sigma)
        own = None if build is None else build[row]
        self._people.append(
            _Person(self._next_id, motion, _pose(seen, row, (x, y)), seen.seen[row], own, 1.0, source_ns, source_ns)
        )
        self._next_id += 1
        return self._next_id - 1


def _fleeting(person: _Person) -> bool:
    return person.seen_ns - person.first_ns < _FLEETING_NS


def _expected(person: _Person, gap_s: float) -> Known:
    return Known(person.motion.ahead(gap_s), person.pose, person.seen, person.build, person.build_looks, gap_s)


def _alone(off: Offsets) -> list[int]:
    return [0 if off.possible[0, 0] else NOBODY]


def _see(person: _Person, motion: Motion, seen: Looks, row: int, off_px: Sequence[float], source_ns: int) -> None:
    """A sighting of somebody whose trunk was expected so far away."""
    x, y = off_px
    newest = _pose(seen, row, (motion.place_px[0] + x, motion.place_px[1] + y))
    motion.see((x, y), float(seen.size_px[row]), seen.size_sigma)
    share = seen.seen[row] * (1 - (1 - _POSE_SHARE) * person.seen)  # a joint seen for the first time is as it is
    person.motion, person.pose = motion, person.pose + share[:, None] * (newest - person.pose)
    person.seen, person.seen_ns = np.maximum(person.seen, seen.seen[row]), source_ns


def _see_build(person: _Person, build: Array | None, row: int) -> None:
    if build is None:
        return
    if person.build is None:
        person.build = build[row]
        return
    person.build_looks = min(person.build_looks + 1, _BUILD_LOOKS)
    person.build = person.build + (build[row] - person.build) / np.float32(person.build_looks)


def _pose(seen: Looks, row: int, place_px: tuple[float, float]) -> Array:
    about = (seen.xy_px[row] - np.array(place_px, np.float32)) / seen.size_px[row]
    return np.asarray(about * seen.seen[row, :, None])
