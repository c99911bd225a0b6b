"""One frame's keypoints to placed 3D poses, live: who is in view, who is held, who has left, on which floor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from calibration.floor.ground import Ground
from calibration.floor.learn_floor import Seen
from engines.lifting.poses import Lifter
from engines.models.known import GROUPS
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Pose3D, PoseFrame
from realtime.pipeline.clean import CleanPeople, Sighting
from realtime.pipeline.confirm import Confirmation, FrameClock
from realtime.pipeline.floor import Floor
from realtime.pipeline.lift_batch import LiftedPerson, People
from realtime.pipeline.place import Standing
from realtime.pipeline.resample import MAX_PHASES
from realtime.pipeline.setting import Setting, setting_for

# A person out of sight keeps their last pose for so long, then leaves.
HOLD_NS = 500_000_000
_CERTAINTY = {"assumed": 0, "height": 1, "measured": 2}


@dataclass(slots=True, eq=False)
class _Track:
    """What is remembered of a person in view."""

    standing: Standing
    past: deque[tuple[int, Sighting]]  # source time, and what was seen, of the newest frames
    seen_ns: int
    confirmation: Confirmation = field(default_factory=Confirmation)
    pose: Pose3D | None = None  # the newest; None before the first
    scale: str = "assumed"
    seen: Seen | None = None  # what the floor is learned from, of the newest pose


class Lift:
    """Keypoints of a frame to poses. Knows people, their last poses and where they stand; no ring and no sockets."""

    def __init__(self, lifter: Lifter, place: PlaceConfig, source: str, people: int) -> None:
        self._clean = CleanPeople()
        self._people = People(lifter)
        self._lag_frames = lifter.lag_frames
        self._past = 1 + MAX_PHASES * lifter.lag_frames  # as many frames lie in the lag of the fastest camera
        self._place, self._source = place, source
        self._max_people = people
        self._setting: Setting | None = None  # of the newest picture
        self._floor: Floor | None = None  # of the setting
        self._clock = FrameClock()
        self._scale = "assumed"  # of the newest poses
        self._tracks: dict[int, _Track] = {}

    def __call__(self, keypoints: Keypoints2D) -> PoseFrame:
        return self._lift(keypoints, self._people.push)

    def finish(self) -> None:
        """What of the last frame's work its pose did not need; otherwise the next frame begins with it."""
        self._people.finish()

    def remember(self, keypoints: Keypoints2D) -> None:
        """A frame too old to publish: the same memory afterwards, for as little work as the model allows."""
        self._lift(keypoints, self._people.remember)

    @property
    def floor(self) -> Floor | None:
        """Of the newest picture; None before the first."""
        return self._floor

    def doings(self) -> dict[str, object]:
        """What the stream's status says of people, and of the floor: keypoints put right, bones, what was learned."""
        return {
            **(self._floor.doings() if self._floor else {}),
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
        source_ns = keypoints.stamp.source_ns
        self._clock.tick(source_ns)
        setting, floor = self._setting_for(keypoints.image_wh)
        sightings = [
            Sighting(person.track_id, setting.camera.rays(person.xy_px), person.score) for person in keypoints.persons
        ]
        sightings = self._clean.push(source_ns, sightings)
        tracks = [self._seen(setting, source_ns, sighting) for sighting in sightings]
        lifted = lift(source_ns, sightings) if sightings else {}
        persons: list[Pose3D] = []
        for sighting, track in zip(sightings, tracks, strict=True):
            person = lifted.get(sighting.track_id)
            if person is not None and np.isfinite(np.add.reduce(person.joints_m, None)):
                pose = self._placed(track, sighting.track_id, person, floor.ground)
                if track.confirmation.confirmed:
                    persons.append(pose)
        self._forget(source_ns)
        persons += self._held(source_ns, [pose.track_id for pose in persons], floor.ground)
        if persons:  # a message promises no more than holds for all in it
            scales = (self._tracks[pose.track_id].scale for pose in persons)
            self._scale = min(scales, key=lambda scale: _CERTAINTY.get(scale, 0))
        frame = PoseFrame(
            keypoints.stamp, keypoints.image_wh, tuple(persons), floor.space, self._scale, setting.calibration,
            keypoints.dropped, floor=floor.kind,
        )  # fmt: skip
        floor.learn(source_ns, [track.seen for track in tracks if track.confirmation.confirmed and track.seen])
        return frame

    def _setting_for(self, image_wh: tuple[int, int]) -> tuple[Setting, Floor]:
        """Reads the calibration files for the first picture and for one of another size.

        Then everyone starts anew: no pose is held, lifted or placed by what was seen through the calibration before.
        """
        if self._setting is None or self._floor is None or self._setting.camera.image_wh != image_wh:
            self._setting = setting_for(self._place, self._source, image_wh)
            self._floor = Floor(self._setting, learn=self._place.floor == "auto")
            self._people.clear()
            self._clean.clear()
            self._tracks.clear()
            self._scale = "assumed"
        return self._setting, self._floor

    def _seen(self, setting: Setting, source_ns: int, sighting: Sighting) -> _Track:
        """Their track. Of somebody unconfirmed who cannot be the one seen before, nothing is remembered."""
        number = sighting.track_id
        track = self._tracks.get(number) or self._new_track(setting, source_ns)
        if not track.confirmation.agrees(source_ns, sighting, self._clock.interval_ns):
            self._people.drop(number)
            self._clean.drop(number)
            track = replace(self._new_track(setting, source_ns), confirmation=track.confirmation)
        self._tracks[number] = track
        track.seen_ns = source_ns
        track.past.append((source_ns, sighting))
        return track

    def _new_track(self, setting: Setting, source_ns: int) -> _Track:
        return _Track(Standing(setting), deque(maxlen=self._past), source_ns)

    def _placed(self, track: _Track, track_id: int, person: LiftedPerson, ground: Ground | None) -> Pose3D:
        # With look-ahead the pose is of an earlier frame: it is placed by what was seen then.
        pose_ns, sighting = track.past[-1]
        if self._lag_frames:
            pose_ns, sighting = min(track.past, key=lambda seen: abs(seen[0] - person.source_ns))
        track.standing.stand_on(ground)
        placed = track.standing.place(sighting, person.joints_m, person.sigma_m, pose_ns)
        track.scale, track.seen = placed.scale, placed.seen
        self._people.tell(track_id, track.standing.body.known)
        unseen = tuple(joint for joint, is_seen in enumerate(sighting.seen) if not is_seen)
        track.pose = Pose3D(
            track_id, placed.joints_m, placed.root_m, placed.sigma_m, sighting.score, self._lag_frames,
            person.window_fill, held=False, unseen=unseen, root_sigma_m=placed.root_sigma_m,
        )  # fmt: skip
        return track.pose

    def _forget(self, source_ns: int) -> None:
        for track_id, track in list(self._tracks.items()):
            if not 0 <= source_ns - track.seen_ns <= HOLD_NS:
                self._people.drop(track_id)
                self._clean.drop(track_id)
                del self._tracks[track_id]

    def _held(self, source_ns: int, seen: list[int], ground: Ground | None) -> list[Pose3D]:
        """The last poses of people just out of sight; never more people than are looked for."""
        missing = [(track.pose, track.standing.ground) for number, track in self._tracks.items()
                   if number not in seen and track.confirmation.confirmed]  # fmt: skip
        known = [_on(ground, pose, before) for pose, before in missing if pose is not None]
        return known[: max(0, self._max_people - len(seen))]


def _on(ground: Ground | None, pose: Pose3D, before: Ground | None) -> Pose3D:
    """A held pose on the floor that holds now, which may be another than the one `before`, which it was placed on."""
    if before is ground:
        return replace(pose, held=True)
    root_m, joints_m = pose.root_m.astype(np.float64), pose.joints_m.astype(np.float64)
    if before is not None:
        root_m, joints_m = before.to_camera(root_m), joints_m @ before.rotation
    if ground is not None:
        root_m, joints_m = ground.to_world(root_m), ground.turn(joints_m)
    return replace(pose, root_m=root_m.astype(np.float32), joints_m=joints_m.astype(np.float32), held=True)
