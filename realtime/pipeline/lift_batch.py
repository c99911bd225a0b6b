"""The people in view, each with a clock and lifter streams of their own, stepped together in one call.

The live lifter and `realtime lift` both lift through this, and a server the people of many cameras.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from engines.lifting.poses import LiftedPoses, Lifter
from engines.models.known import Known
from realtime.contracts import Array
from realtime.pipeline.clean import Sighting
from realtime.pipeline.resample import Resampler, Tick

# Rows of one call of the model. More are no cheaper each, and every number of rows has arrays of its own.
MOST_AT_ONCE = 32


@dataclass(frozen=True, slots=True, eq=False)
class LiftedPerson:
    """A pose of one's own arrays, and the source time of the frame it is the pose of."""

    joints_m: Array  # (17, 3) camera axes, the hip at the origin
    sigma_m: Array  # (17,)
    window_fill: float
    source_ns: int


@dataclass(slots=True, eq=False)
class _Stream:
    slot: int
    committed_ns: deque[int]  # times of the newest ticks the lifter remembers, as many as it lags


@dataclass(slots=True, eq=False)
class _Person:
    resampler: Resampler
    known: Known | None = None
    streams: dict[int, _Stream] = field(default_factory=dict)  # phase -> lifter stream


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Of one camera's frame, by track id."""

    pending: dict[int, list[Tick]]  # yet to be stepped
    poses: dict[int, list[LiftedPerson]]  # known so far


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One row of a step of the model."""

    people: People
    tick: Tick
    stream: _Stream
    poses: list[LiftedPerson]  # where its pose goes


class LiftsPeople(ABC):
    """What the walk from keypoints to placed poses asks of whatever lifts: a model's steps, or poses known before."""

    lag_frames: int  # model frames that a pose lags behind what was pushed

    @abstractmethod
    def push(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]: ...

    @abstractmethod
    def push_every(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, list[LiftedPerson]]: ...

    @abstractmethod
    def remember(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]: ...

    @abstractmethod
    def tell(self, track_id: int, known: Known) -> None: ...

    @abstractmethod
    def finish(self) -> None: ...

    @abstractmethod
    def drop(self, track_id: int) -> None: ...

    @abstractmethod
    def clear(self) -> None: ...


class People(LiftsPeople):
    """`push` one frame's sightings, get each person's pose. People appear by themselves; `drop` those who left."""

    def __init__(self, lifter: Lifter) -> None:
        self._lifter = lifter
        self.lag_frames = lifter.lag_frames
        self._people: dict[int, _Person] = {}

    def push(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]:
        """One frame at `source_ns` on the source's timeline: track id -> pose, one for each sighting."""
        return {track_id: poses[-1] for track_id, poses in self._lift(source_ns, sightings, wanted=1).items()}

    def push_every(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, list[LiftedPerson]]:
        """As `push`, with the poses of the ticks between frames before the frame's own, which is last."""
        return self._lift(source_ns, sightings, wanted=None)

    def remember(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]:
        """As `push`, of a frame whose poses are not wanted: only such as cost nothing more are given."""
        lifted = self._lift(source_ns, sightings, wanted=0)
        return {track_id: poses[-1] for track_id, poses in lifted.items() if poses}

    def _lift(
        self, source_ns: int, sightings: Sequence[Sighting], wanted: int | None
    ) -> dict[int, list[LiftedPerson]]:
        """`wanted`: how many of each person's newest poses; None: all. There may be more."""
        prepared = self._prepare(source_ns, sightings, wanted)
        _step_together(self._lifter, [(self, prepared)])
        return prepared.poses

    def _prepare(self, source_ns: int, sightings: Sequence[Sighting], wanted: int | None) -> _Prepared:
        """What each sighting makes the model step through; what is done at once apart from others is done."""
        pending: dict[int, list[Tick]] = {}
        for sighting in sightings:
            person = self._people.setdefault(sighting.track_id, _Person(Resampler(self._lifter.rate_hz)))
            pending[sighting.track_id] = person.resampler.push(source_ns, sighting.rays, sighting.score)
        poses: dict[int, list[LiftedPerson]] = {track_id: [] for track_id in pending}
        if self._lifter.chunk_frames > 1:
            for track_id, ticks in pending.items():
                self._step_chunks(track_id, ticks, poses[track_id], newest=wanted == 1)
        if self._lifter.remembers and wanted is not None:
            for track_id, ticks in pending.items():
                self._remember(track_id, ticks, wanted)
        return _Prepared(pending, poses)

    def tell(self, track_id: int, known: Known) -> None:
        """What is known of a person in view, for their next frames."""
        person = self._people[track_id]
        if known is not person.known:
            person.known = known
            for stream in person.streams.values():
                self._lifter.tell(stream.slot, known)

    def finish(self) -> None:
        """Do what of the last push could wait; otherwise the next one begins with it."""
        self._lifter.finish()

    def drop(self, track_id: int) -> None:
        """Forget a person; their streams are free for others. Unknown ids are fine."""
        person = self._people.pop(track_id, None)
        for stream in person.streams.values() if person else ():
            self._lifter.close(stream.slot)

    def clear(self) -> None:
        """Forget everyone."""
        for track_id in list(self._people):
            self.drop(track_id)

    def _step_chunks(self, track_id: int, ticks: list[Tick], poses: list[LiftedPerson], newest: bool) -> None:
        """Step, and take out of `ticks`, what a slow camera's frame brings: several ticks of one stream in one call.

        Whatever else there is stays for `_step`. `newest`: of the last call only the last tick's pose is wanted.
        """
        while len(run := _run(ticks[: self._lifter.chunk_frames])) > 1:
            del ticks[: len(run)]
            stream = self._stream(self._people[track_id], run[0])
            rays, score = np.stack([tick.rays for tick in run]), np.stack([tick.score for tick in run])
            lifted = self._lifter.push_chunk(stream.slot, rays, score, newest=newest and not ticks)
            times = [_pose_time(stream, tick, self._lifter.lag_frames) for tick in run]
            rows = len(lifted.joints_m)
            poses += [self._person(lifted, row, times[row - rows]) for row in range(rows)]

    def _remember(self, track_id: int, ticks: list[Tick], wanted: int) -> None:
        """Take out of `ticks` all but the newest `wanted`, and lift none of them."""
        while len(ticks) > wanted:
            tick = ticks.pop(0)
            stream = self._stream(self._people[track_id], tick)
            if tick.commit:
                _pose_time(stream, tick, self._lifter.lag_frames)
                self._lifter.remember(stream.slot, tick.rays, tick.score)

    @staticmethod
    def _person(lifted: LiftedPoses, row: int, pose_ns: int) -> LiftedPerson:
        joints_m, sigma_m = lifted.joints_m[row].copy(), lifted.sigma_m[row].copy()
        return LiftedPerson(joints_m, sigma_m, float(lifted.window_fill[row]), pose_ns)

    def _stream(self, person: _Person, tick: Tick) -> _Stream:
        if tick.phase not in person.streams:
            person.streams[tick.phase] = _Stream(self._lifter.open(), deque(maxlen=self._lifter.lag_frames))
            if person.known is not None:
                self._lifter.tell(person.streams[tick.phase].slot, person.known)
        stream = person.streams[tick.phase]
        if tick.reset:
            self._lifter.reset(stream.slot)
            stream.committed_ns.clear()
        return stream

    def _close_surplus(self, person: _Person) -> None:
        for phase in [phase for phase in person.streams if phase >= person.resampler.phases]:
            self._lifter.close(person.streams.pop(phase).slot)


def push_together(
    lifter: Lifter, pushes: Sequence[tuple[People, int, Sequence[Sighting]]]
) -> list[dict[int, LiftedPerson]]:  # fmt: skip
    """A frame of each of several cameras, all lifted by `lifter`: what a `push` of each gives, in fewer calls of it."""
    prepared = [(people, people._prepare(source_ns, sightings, 1)) for people, source_ns, sightings in pushes]
    _step_together(lifter, prepared)
    return [{track_id: poses[-1] for track_id, poses in one.poses.items()} for _, one in prepared]


def _step_together(lifter: Lifter, prepared: Sequence[tuple[People, _Prepared]]) -> None:
    """Everybody's ticks, first those that others follow, so that the last ones are stepped together."""
    most = max((len(ticks) for _, one in prepared for ticks in one.pending.values()), default=0)
    for left in range(most, 0, -1):
        rows = [
            _Row(people, ticks[-left], people._stream(people._people[track_id], ticks[-left]), one.poses[track_id])
            for people, one in prepared
            for track_id, ticks in one.pending.items()
            if len(ticks) >= left
        ]
        for first in range(0, len(rows), MOST_AT_ONCE):
            _step(lifter, rows[first : first + MOST_AT_ONCE])
    for people, one in prepared:
        for track_id in one.pending:
            people._close_surplus(people._people[track_id])


def _step(lifter: Lifter, rows: Sequence[_Row]) -> None:
    lifted = lifter.push(
        [row.stream.slot for row in rows],
        np.array([row.tick.rays for row in rows]),
        np.array([row.tick.score for row in rows]),
        [row.tick.commit for row in rows],
    )
    for index, row in enumerate(rows):
        row.poses.append(row.people._person(lifted, index, _pose_time(row.stream, row.tick, lifter.lag_frames)))


def _run(ticks: list[Tick]) -> list[Tick]:
    """The first of them, and those that follow it in the same stream, all to be remembered."""

    def goes_on(tick: Tick) -> bool:
        return tick.commit and tick.phase == ticks[0].phase and (tick is ticks[0] or not tick.reset)

    return list(takewhile(goes_on, ticks))


def _pose_time(stream: _Stream, tick: Tick, lag_frames: int) -> int:
    """The time of the tick `lag_frames` before this one; the first one's while there are fewer."""
    past = stream.committed_ns
    pose_ns = past[0] if lag_frames and past else tick.source_ns
    if tick.commit:
        past.append(tick.source_ns)
    return pose_ns
