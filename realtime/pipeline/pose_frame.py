"""One frame's keypoints to placed 3D poses, live: who is in view, who is held, who has left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from calibration.person.body import Body
from engines.lifting.poses import Lifter
from engines.models.known import GROUPS
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Pose3D, PoseFrame
from realtime.pipeline.clean import CleanPeople, Sighting
from realtime.pipeline.lift_batch import LiftedPerson, LiftsPeople, People
from realtime.pipeline.own_frames import OwnFrames, repeats
from realtime.pipeline.place import Standing
from realtime.pipeline.resample import GAP_NS, MAX_PHASES
from realtime.pipeline.setting import Setting, SettingFor, setting_for

# A person out of sight keeps their last pose for so long, then leaves.
HOLD_NS = 500_000_000
_CERTAINTY = {"assumed": 0, "height": 1, "measured": 2}


@dataclass(slots=True, eq=False)
class _Track:
    """What is remembered of a person in view."""

    standing: Standing
    pose: Pose3D | None  # the newest; None before the first
    scale: str
    seen_ns: int
    past: deque[tuple[int, Sighting]]  # source time, and what was seen, of the newest frames
    own_frames: OwnFrames = field(default_factory=OwnFrames)


class OwnPose(NamedTuple):
    """A pose of its own frame, whatever the look-ahead."""

    source_ns: int  # of the frame
    pose: Pose3D
    scale: str


class Lift:
    """Keypoints of a frame to poses. Knows people, their last poses and where they stand; no ring and no sockets."""

    def __init__(
        self, lifter: Lifter | LiftsPeople, place: PlaceConfig | SettingFor, source: str, people: int
    ) -> None:
        """`place`: calibrations by their files and the `source`, or what finds them for a picture's size."""
        self._clean = CleanPeople()
        self._people = lifter if isinstance(lifter, LiftsPeople) else People(lifter)
        self._lag_frames = lifter.lag_frames
        self._past = 1 + MAX_PHASES * lifter.lag_frames  # as many frames lie in the lag of the fastest camera
        self._find_setting = partial(setting_for, place, source) if isinstance(place, PlaceConfig) else place
        self._max_people = people
        self._setting: Setting | None = None  # of the newest picture
        self._scale = "assumed"  # of the newest poses
        self._start_ns: int | None = None  # of the first frame, on the source's timeline
        self._tracks: dict[int, _Track] = {}

    def __call__(self, keypoints: Keypoints2D) -> PoseFrame:
        return self._lift(keypoints, self._people.push)

    def finish(self) -> None:
        """What of the last frame's work its pose did not need; otherwise the next frame begins with it."""
        self._people.finish()

    def remember(self, keypoints: Keypoints2D) -> None:
        """A frame too old to publish: the same memory afterwards, for as little work as the model allows."""
        self._lift(keypoints, self._people.remember)

    def own_frames(self, keypoints: Keypoints2D) -> list[OwnPose]:
        """Look-ahead over a recording: as a call, but each pose is that of its own frame, and comes when all that it
        sees is there; `last_frames` gives the rest. A person's frames come in order."""
        source_ns, (_, sightings) = self._since_start(keypoints), self._look(keypoints)
        placed: list[OwnPose] = []
        for sighting in sightings:
            track = self._tracks.get(sighting.track_id)
            if track is not None and abs(source_ns - track.seen_ns) > GAP_NS:
                placed += self._last_frames(sighting.track_id, track)
        lifted = self._people.push_every(source_ns, sightings) if sightings else {}
        for sighting in sightings:
            track = self._seen(source_ns, sighting)
            track.own_frames.see(source_ns, sighting)
            placed += self._placed_each(track, sighting.track_id, track.own_frames.take(lifted[sighting.track_id]))
        for track_id in self._gone(source_ns):
            placed += self._last_frames(track_id, self._tracks[track_id])
        self._forget(source_ns)
        return placed

    def last_frames(self) -> list[OwnPose]:
        """At a recording's end: each person's last frame stands for the future that there is not."""
        return [item for track_id, track in self._tracks.items() for item in self._last_frames(track_id, track)]

    def clear(self) -> None:
        """Forget everyone; whatever lifts is free for others."""
        self._people.clear()
        self._clean.clear()
        self._tracks.clear()
        self._scale = "assumed"

    @property
    def setting(self) -> Setting | None:
        """In force for the newest picture; None before the first."""
        return self._setting

    def body(self, track_id: int) -> Body:
        """What is remembered of the body of somebody in view."""
        return self._tracks[track_id].standing.body

    def doings(self) -> dict[str, object]:
        """What the stream's status says of people: how often their keypoints were put right, and their bones."""
        return {
            "sides_swapped": self._clean.swapped, "joints_left_out": self._clean.left_out,
            "bodies": [
                {"id": track_id, "bones_m": dict(zip(GROUPS, bones.lengths_m, strict=True)),
                 "spread": dict(zip(GROUPS, bones.spread, strict=True))}
                for track_id, bones in ((number, track.standing.body.bones) for number, track in self._tracks.items())
            ],
        }  # fmt: skip

    def _lift(
        self, keypoints: Keypoints2D, lift: Callable[[int, Sequence[Sighting]], dict[int, LiftedPerson]]
    ) -> PoseFrame:
        source_ns, (setting, sightings) = self._since_start(keypoints), self._look(keypoints)
        lifted = lift(source_ns, sightings) if sightings else {}
        persons: list[Pose3D] = []
        for sighting in sightings:
            track = self._seen(source_ns, sighting)
            person = lifted.get(sighting.track_id)
            if person is not None and np.isfinite(np.add.reduce(person.joints_m, None)):
                persons.append(self._placed(track, sighting.track_id, person))
        self._forget(source_ns)
        persons += self._held(source_ns, [pose.track_id for pose in persons])
        if persons:  # a message promises no more than holds for all in it
            scales = (self._tracks[pose.track_id].scale for pose in persons)
            self._scale = min(scales, key=lambda scale: _CERTAINTY.get(scale, 0))
        return PoseFrame(
            keypoints.stamp, keypoints.image_wh, tuple(persons), setting.space, self._scale, setting.calibration,
            keypoints.dropped,
        )  # fmt: skip

    def _look(self, keypoints: Keypoints2D) -> tuple[Setting, list[Sighting]]:
        setting = self._setting_for(keypoints.image_wh)
        if keypoints.repeated:
            return setting, []
        sightings = [
            Sighting(person.track_id, setting.camera.rays(person.xy_px), person.score) for person in keypoints.persons
        ]
        return setting, self._clean.push(self._since_start(keypoints), sightings)

    def _since_start(self, keypoints: Keypoints2D) -> int:
        """Of the source's timeline: where that begins makes no difference to any pose, not by a rounding either."""
        if self._start_ns is None:
            self._start_ns = keypoints.stamp.source_ns
        return keypoints.stamp.source_ns - self._start_ns

    def _setting_for(self, image_wh: tuple[int, int]) -> Setting:
        """Reads the calibration files for the first picture and for one of another size.

        Then everyone starts anew: no pose is held, lifted or placed by what was seen through the calibration before.
        """
        if self._setting is None or self._setting.camera.image_wh != image_wh:
            self._setting = self._find_setting(image_wh)
            self.clear()
        return self._setting

    def _seen(self, source_ns: int, sighting: Sighting) -> _Track:
        track = self._tracks.get(sighting.track_id)
        if track is None:
            assert self._setting is not None
            track = _Track(Standing(self._setting), None, "assumed", source_ns, deque(maxlen=self._past))
            self._tracks[sighting.track_id] = track
        track.seen_ns = source_ns
        track.past.append((source_ns, sighting))
        return track

    def _placed(self, track: _Track, track_id: int, person: LiftedPerson) -> Pose3D:
        # With look-ahead the pose is of an earlier frame: it is placed by what was seen then.
        pose_ns, sighting = track.past[-1]
        if self._lag_frames:
            pose_ns, sighting = min(track.past, key=lambda seen: abs(seen[0] - person.source_ns))
        return self._stand(track, track_id, pose_ns, sighting, person)

    def _placed_each(
        self, track: _Track, track_id: int, own: Iterable[tuple[int, Sighting, LiftedPerson]]
    ) -> Iterator[OwnPose]:
        for pose_ns, sighting, person in own:
            if np.isfinite(person.joints_m).all():
                pose = self._stand(track, track_id, pose_ns, sighting, person)
                yield OwnPose(pose_ns + (self._start_ns or 0), pose, track.scale)

    def _last_frames(self, track_id: int, track: _Track) -> list[OwnPose]:
        """Of a person who was not seen after their last frame; their stream begins anew."""
        last_ns, sighting = track.past[-1]
        poses: list[LiftedPerson] = []
        for source_ns in repeats(track.own_frames.times_ns):
            more = self._people.push_every(source_ns, [sighting])[track_id]
            poses += more
            if not more or more[-1].source_ns > last_ns:
                break
        placed = list(self._placed_each(track, track_id, track.own_frames.take(poses, last=True)))
        self._people.drop(track_id)
        return placed

    def _stand(
        self, track: _Track, track_id: int, pose_ns: int, sighting: Sighting, person: LiftedPerson
    ) -> Pose3D:
        """A pose of what was seen at `pose_ns`, placed; what it tells of the body is told to the lifter."""
        placed = track.standing.place(sighting, person.joints_m, person.sigma_m, pose_ns)
        track.scale = placed.scale
        self._people.tell(track_id, track.standing.body.known)
        unseen = tuple(joint for joint, is_seen in enumerate(sighting.seen) if not is_seen)
        track.pose = Pose3D(
            track_id, placed.joints_m, placed.root_m, placed.sigma_m, sighting.score, self._lag_frames,
            person.window_fill, held=False, unseen=unseen, root_sigma_m=placed.root_sigma_m,
        )  # fmt: skip
        return track.pose

    def _gone(self, source_ns: int) -> list[int]:
        return [one for one, track in self._tracks.items() if not 0 <= source_ns - track.seen_ns <= HOLD_NS]

    def _forget(self, source_ns: int) -> None:
        for track_id in self._gone(source_ns):
            self._people.drop(track_id)
            self._clean.drop(track_id)
            del self._tracks[track_id]

    def _held(self, source_ns: int, seen: list[int]) -> list[Pose3D]:
        """The last poses of people just out of sight; never more people than are looked for."""
        missing = [track.pose for track_id, track in self._tracks.items() if track_id not in seen]
        known = [pose for pose in missing if pose is not None]
        return [replace(pose, held=True) for pose in known[: max(0, self._max_people - len(seen))]]

