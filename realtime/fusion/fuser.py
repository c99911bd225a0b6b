"""Frames of several cameras in, frames of the room out: each at a moment that all cameras have passed.

A camera that is late is waited for a moment; one that is covered or dies is missing from what is fused, and the others
go on at their own pace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from calibration.cameras.cameras_file import Cameras
from calibration.cameras.fuse import Fused
from calibration.floor.ground import Ground
from realtime.clock import NS_PER_MS, NS_PER_S, elapsed_ms
from realtime.contracts import Pose3D, PoseFrame, Stamp
from realtime.fusion.clocks import Clocks
from realtime.fusion.people import RoomPeople
from realtime.fusion.timeline import Sight, Timeline

_SLOWEST_NS, _FASTEST_NS = NS_PER_S // 2, NS_PER_S // 60
_USUAL_NS = NS_PER_S // 30
_SPARE_NS = 15 * NS_PER_MS  # a frame may come so much later than frames came lately
_LONGEST_WAIT_NS = NS_PER_S // 2  # for a camera that is late
_HOLD_NS = NS_PER_S // 2  # out of everybody's sight, a person keeps their last pose for so long
_MOST_BEHIND = 6  # moments; further behind, the older ones are left out


class Fuser:
    """For one thread. Times are monotonic ns of this machine."""

    def __init__(self, cameras: Cameras) -> None:
        self.cameras = cameras
        self._numbers = {name: number for number, name in enumerate(cameras.names)}
        self._timelines = [Timeline(number) for number in range(len(cameras.placed))]
        self._people = RoomPeople(cameras.placed)
        self.clocks = Clocks(cameras.placed)
        self._next_ns: int | None = None
        self._frame_id = self.left_out = 0
        self._image_wh = cameras.placed[0].camera.image_wh
        self._last: dict[int, tuple[int, Pose3D]] = {}  # when and how each person was last seen
        self._there: tuple[int, ...] = ()
        self._seeing: tuple[int, ...] = ()

    def see(self, stream: str, frame: PoseFrame, ground: Ground | None, now_ns: int) -> None:
        """A camera's frame with its poses; `ground`: what their world stands on. Other streams are not ours."""
        number = self._numbers.get(stream)
        if number is None:
            return
        self._timelines[number].push(frame, ground, now_ns)
        if self._next_ns is None:
            self._next_ns = frame.stamp.capture_ns + self.clocks.offset_ns(number)

    def due(self, now_ns: int) -> Iterator[PoseFrame]:
        """The frames whose time has come."""
        while self._next_ns is not None and (horizon_ns := self._horizon_ns(now_ns)) >= self._next_ns:
            behind = (horizon_ns - self._next_ns) // self.interval_ns
            if behind > _MOST_BEHIND:
                self.left_out += int(behind)
                self._frame_id += int(behind)
                self._next_ns += int(behind) * self.interval_ns
            at_ns, self._next_ns = self._next_ns, self._next_ns + self.interval_ns
            if any(timeline.live(now_ns) for timeline in self._timelines):
                yield self._frame(at_ns, now_ns)
        self.clocks.look(now_ns)

    @property
    def interval_ns(self) -> int:
        """Between two fused frames: the fastest camera's."""
        known = [timeline.interval_ns for timeline in self._timelines if timeline.interval_ns]
        return int(np.clip(min(known, default=_USUAL_NS), _FASTEST_NS, _SLOWEST_NS))

    def wait_ns(self, now_ns: int) -> int:
        """At most so long until `due` may have something, whatever comes."""
        if self._next_ns is None:
            return NS_PER_S
        return max(0, self._next_ns + self._patience_ns(now_ns) - now_ns)

    def live(self, now_ns: int) -> tuple[str, ...]:
        """The cameras that frames come from."""
        return tuple(self.cameras.names[number] for number in self._live(now_ns))

    def doings(self) -> dict[str, object]:
        """What the stream's status says: every camera, whether it is seen with, and how late its clock is."""
        told = {}
        for name, number in self._numbers.items():
            offset = self.clocks.offsets[number]
            told[name] = {
                "seeing": number in self._seeing,
                "offset_ms": None if offset is None else round(1000 * offset.seconds, 2),
                "offset_sigma_ms": None if offset is None else round(1000 * offset.sigma_s, 2),
            }
        return {"cameras": told, "left_out": self.left_out}

    def _captured_ns(self, number: int) -> int | None:
        """The newest frame's moment, on the first camera's clock."""
        newest = self._timelines[number].newest
        return None if newest is None else newest[0] + self.clocks.offset_ns(number)

    def _live(self, now_ns: int) -> list[int]:
        return [number for number, timeline in enumerate(self._timelines) if timeline.live(now_ns)]

    def _horizon_ns(self, now_ns: int) -> int:
        """Up to here there is nothing to wait for: all live cameras have passed it, or it was long enough ago."""
        known = [captured for number in self._live(now_ns) if (captured := self._captured_ns(number)) is not None]
        waited_ns = now_ns - self._patience_ns(now_ns)
        return max(min(known), waited_ns) if known else waited_ns

    def _patience_ns(self, now_ns: int) -> int:
        late = [self._timelines[number].late_ns + self._timelines[number].interval_ns - self.clocks.offset_ns(number)
                for number in self._live(now_ns)]  # fmt: skip
        return min(max(late, default=0) + _SPARE_NS, _LONGEST_WAIT_NS)

    def _frame(self, at_ns: int, now_ns: int) -> PoseFrame:
        sights = [sight for number, timeline in enumerate(self._timelines)
                  for sight in timeline.at(at_ns - self.clocks.offset_ns(number))]  # fmt: skip
        results = self._people.see(at_ns, sights)
        self._seeing = tuple(sorted({sight.camera for sight in sights}))
        self._note(results)
        persons = [self._pose(number, *result) for number, result in sorted(results.items())]
        for person in persons:
            self._last[person.track_id] = at_ns, person
        persons += self._held(at_ns, set(results))
        there, before = tuple(person.track_id for person in persons), self._there
        self._there = there
        stamp = Stamp(self._frame_id, at_ns, at_ns)
        self._frame_id += 1
        room = self.cameras
        return PoseFrame(
            stamp, self._image_wh, tuple(persons), "camera" if room.floor == "none" else "world", room.scale,
            room.identity, self.left_out, {"total": max(0.0, elapsed_ms(at_ns, now_ns))}, floor=room.floor,
            appeared=tuple(one for one in there if one not in before),
            left=tuple(one for one in before if one not in there),
        )  # fmt: skip

    def _note(self, results: dict[int, tuple[Fused, list[Sight]]]) -> None:
        """The cameras' own frames of those who were told apart, for the clocks."""
        whose = {(sight.camera, sight.track_id): number for number, (_, of) in results.items() for sight in of}
        for timeline in self._timelines:
            if timeline.newest is None:
                continue
            captured_ns, sights = timeline.newest
            for sight in sights:
                number = whose.get((sight.camera, sight.track_id))
                if number is not None:
                    self.clocks.note(number, captured_ns, sight)

    def _pose(self, number: int, fused: Fused, sights: list[Sight]) -> Pose3D:
        joints_m = fused.joints_m.astype(np.float32)
        unseen = frozenset.intersection(*(sight.unseen for sight in sights))
        score = np.max([sight.seen.score for sight in sights], 0).astype(np.float32)
        return Pose3D(
            number, joints_m - joints_m[0], joints_m[0], fused.sigma_m.astype(np.float32), score, 0,
            max(sight.window_fill for sight in sights), held=False, unseen=tuple(sorted(unseen)),
            root_sigma_m=float(fused.sigma_m[0]),
        )  # fmt: skip

    def _held(self, at_ns: int, seen: set[int]) -> list[Pose3D]:
        """The last poses of people just out of everybody's sight."""
        alive = self._people.people
        self._last = {number: last for number, last in self._last.items() if number in alive}
        return [replace(pose, held=True) for number, (last_ns, pose) in sorted(self._last.items())
                if number not in seen and 0 < at_ns - last_ns <= _HOLD_NS]  # fmt: skip
