"""One frame's keypoints to placed 3D poses, live: who is in view, who is held, who has left, on which floor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.floor.ground import Ground
from calibration.floor.learn_floor import Seen
from calibration.person.body import Body
from engines.lifting.poses import Lifter
from engines.models.known import GROUPS
from realtime.config import PlaceConfig
from realtime.contracts import CameraPlace, Keypoints2D, Pose3D, PoseFrame
from realtime.pipeline.clean import CleanPeople, Sighting, rays_of
from realtime.pipeline.confirm import FrameClock
from realtime.pipeline.floor import Floor, on_floor
from realtime.pipeline.lift_batch import LiftedPerson, LiftsPeople, People
from realtime.pipeline.own_frames import repeats
from realtime.pipeline.place import Standing
from realtime.pipeline.resample import GAP_NS, MAX_PHASES
from realtime.pipeline.setting import Setting, SettingFor, setting_for
from realtime.pipeline.tracked import OwnPose, Track, View

# A person out of sight keeps their last pose for so long, then leaves.
HOLD_NS = 500_000_000
_CERTAINTY = {"assumed": 0, "height": 1, "measured": 2}


class Lift:
    """Keypoints of a frame to poses. Knows people, their last poses and where they stand; no ring and no sockets."""

    def __init__(
        self, lifter: Lifter | LiftsPeople, place: PlaceConfig | SettingFor, source: str, people: int,
        given: bool = False, rotated_deg: int = 0,
    ) -> None:  # fmt: skip
        """`place`: calibrations by their files and the `source`, where a floor may be learned; or what finds them for a
        picture's size. `given`: the people are known to be there, and need not be confirmed before they are shown.
        `rotated_deg`: what the source's pictures were turned by."""
        self._clean = CleanPeople()
        self._people = lifter if isinstance(lifter, LiftsPeople) else People(lifter)
        self._lag_frames = lifter.lag_frames
        self._past = 1 + MAX_PHASES * lifter.lag_frames  # as many frames lie in the lag of the fastest camera
        self._find_setting: SettingFor = (
            partial(setting_for, place, source, rotated_deg=rotated_deg) if isinstance(place, PlaceConfig) else place
        )
        self._max_people = people
        self._learns = isinstance(place, PlaceConfig) and place.floor == "auto"
        self._given = given
        self._setting: Setting | None = None  # of the newest picture
        self._floor: Floor | None = None  # of the setting
        self._stood: tuple[int, list[Seen]] | None = None  # what the floor is yet to learn from, of the newest frame
        self._clock = FrameClock()
        self._scale = "assumed"  # of the newest poses
        self._start_ns: int | None = None  # of the first frame, on the source's timeline
        self._tracks: dict[int, Track] = {}

    def __call__(self, keypoints: Keypoints2D) -> PoseFrame:
        return self._lift(keypoints, self._people.push)

    def finish(self) -> None:
        """What of the last frame's work its pose did not need; otherwise the next frame begins with it."""
        self._people.finish()
        self._learn_floor()

    def _learn_floor(self) -> None:
        if self._floor is not None and self._stood is not None:
            (source_ns, people), self._stood = self._stood, None
            self._floor.learn(source_ns, people)

    def remember(self, keypoints: Keypoints2D) -> None:
        """A frame too old to publish: the same memory afterwards, for as little work as the model allows."""
        self._lift(keypoints, self._people.remember)

    def own_frames(self, keypoints: Keypoints2D) -> list[OwnPose]:
        """Look-ahead over a recording: as a call, but each pose is that of its own frame, and comes when all that it
        sees is there; `last_frames` gives the rest. A person's frames come in order."""
        source_ns, (_, floor, sightings) = self._since_start(keypoints), self._look(keypoints)
        placed: list[OwnPose] = []
        for sighting in sightings:
            track = self._tracks.get(sighting.track_id)
            if track is not None and abs(source_ns - track.seen_ns) > GAP_NS:
                placed += self._last_frames(sighting.track_id, track)
        lifted = self._people.push_every(source_ns, sightings) if sightings else {}
        for sighting in sightings:
            track = self._seen(source_ns, sighting)
            track.own_frames.see(source_ns, sighting)
            track.standing.stand_on(floor.ground)
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

    @property
    def floor(self) -> Floor | None:
        """Of the newest picture; None before the first."""
        return self._floor

    def body(self, track_id: int) -> Body:
        """What is remembered of the body of somebody in view."""
        return self._tracks[track_id].standing.body

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
        view = self.look(keypoints)
        return self.place(view, lift(view.source_ns, view.sightings) if view.sightings else {})

    def look(self, keypoints: Keypoints2D) -> View:
        """The first half of a call: who is seen, to be lifted by whoever lifts for several cameras at once."""
        source_ns, (setting, floor, sightings) = self._since_start(keypoints), self._look(keypoints)
        tracks = [self._seen(source_ns, sighting) for sighting in sightings]
        return View(keypoints, source_ns, setting, floor, sightings, tracks)

    def place(self, view: View, lifted: dict[int, LiftedPerson]) -> PoseFrame:
        """The second half: the poses of those seen in `view`, before anybody looks at another frame."""
        keypoints, source_ns, floor = view.keypoints, view.source_ns, view.floor
        persons: list[Pose3D] = []
        for sighting, track in zip(view.sightings, view.tracks, strict=True):
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
            keypoints.stamp, keypoints.image_wh, tuple(persons), floor.space, self._scale, view.setting.calibration,
            keypoints.dropped, floor=floor.kind, camera=_place_of(view.setting, floor.ground),
        )  # fmt: skip
        standing = [track.seen for track in view.tracks if track.confirmation.confirmed and track.seen]
        self._stood = source_ns, standing
        return frame

    def _look(self, keypoints: Keypoints2D) -> tuple[Setting, Floor, list[Sighting]]:
        self._learn_floor()
        source_ns, (setting, floor) = self._since_start(keypoints), self._setting_for(keypoints.image_wh)
        self._clock.tick(source_ns)
        if keypoints.repeated:
            return setting, floor, []
        sightings = [
            Sighting(person.track_id, setting.camera.rays(person.xy_px), person.score,
                     feet=rays_of(setting.camera, person.feet), hands=rays_of(setting.camera, person.hands))
            for person in keypoints.persons
        ]
        return setting, floor, self._clean.push(source_ns, sightings)

    def _since_start(self, keypoints: Keypoints2D) -> int:
        """Of the source's timeline: where that begins makes no difference to any pose, not by a rounding either."""
        if self._start_ns is None:
            self._start_ns = keypoints.stamp.source_ns
        return keypoints.stamp.source_ns - self._start_ns

    def _setting_for(self, image_wh: tuple[int, int]) -> tuple[Setting, Floor]:
        """Reads the calibration files for the first picture and for one of another size.

        Then everyone starts anew: no pose is held, lifted or placed by what was seen through the calibration before.
        """
        if self._setting is None or self._floor is None or self._setting.camera.image_wh != image_wh:
            self._setting = self._find_setting(image_wh)
            self._floor, self._stood = Floor(self._setting, learn=self._learns), None
            self.clear()
        return self._setting, self._floor

    def _seen(self, source_ns: int, sighting: Sighting) -> Track:
        """Their track. Of somebody unconfirmed who cannot be the one seen before, nothing is remembered."""
        number = sighting.track_id
        track = self._tracks.get(number) or self._new_track(source_ns)
        if not track.confirmation.agrees(source_ns, sighting, self._clock.interval_ns):
            self._people.drop(number)
            self._clean.drop(number)
            track = replace(self._new_track(source_ns), confirmation=track.confirmation)
        self._tracks[number] = track
        track.seen_ns = source_ns
        track.past.append((source_ns, sighting))
        return track

    def _new_track(self, source_ns: int) -> Track:
        assert self._setting is not None
        track = Track(Standing(self._setting), deque(maxlen=self._past), source_ns)
        track.confirmation.confirmed = self._given
        return track

    def _placed(self, track: Track, track_id: int, person: LiftedPerson, ground: Ground | None) -> Pose3D:
        # With look-ahead the pose is of an earlier frame: it is placed by what was seen then.
        pose_ns, sighting = track.past[-1]
        if self._lag_frames:
            pose_ns, sighting = min(track.past, key=lambda seen: abs(seen[0] - person.source_ns))
        track.standing.stand_on(ground)
        return self._stand(track, track_id, pose_ns, sighting, person)

    def _placed_each(
        self, track: Track, track_id: int, own: Iterable[tuple[int, Sighting, LiftedPerson]]
    ) -> Iterator[OwnPose]:
        for pose_ns, sighting, person in own:
            if np.isfinite(person.joints_m).all():
                pose = self._stand(track, track_id, pose_ns, sighting, person)
                yield OwnPose(pose_ns + (self._start_ns or 0), pose, track.scale)

    def _last_frames(self, track_id: int, track: Track) -> list[OwnPose]:
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
        self, track: Track, track_id: int, pose_ns: int, sighting: Sighting, person: LiftedPerson
    ) -> Pose3D:
        """A pose of what was seen at `pose_ns`, placed; what it tells of the body is told to the lifter."""
        placed = track.standing.place(sighting, person.joints_m, person.sigma_m, pose_ns)
        track.scale, track.seen = placed.scale, placed.seen
        self._people.tell(track_id, track.standing.body.known)
        unseen = tuple(joint for joint, is_seen in enumerate(sighting.seen) if not is_seen)
        track.pose = Pose3D(
            track_id, placed.joints_m, placed.root_m, placed.sigma_m, sighting.score, self._lag_frames,
            person.window_fill, held=False, unseen=unseen, root_sigma_m=placed.root_sigma_m,
            feet_m=placed.feet_m, feet_sigma_m=placed.feet_sigma_m,
            hands_m=placed.hands_m, hands_sigma_m=placed.hands_sigma_m,
        )  # fmt: skip
        return track.pose

    def _gone(self, source_ns: int) -> list[int]:
        return [one for one, track in self._tracks.items() if not 0 <= source_ns - track.seen_ns <= HOLD_NS]

    def _forget(self, source_ns: int) -> None:
        for track_id in self._gone(source_ns):
            self._people.drop(track_id)
            self._clean.drop(track_id)
            del self._tracks[track_id]

    def _held(self, source_ns: int, seen: list[int], ground: Ground | None) -> list[Pose3D]:
        """The last poses of people just out of sight; never more people than are looked for."""
        missing = [(track.pose, track.standing.ground) for number, track in self._tracks.items()
                   if number not in seen and track.confirmation.confirmed]  # fmt: skip
        known = [on_floor(pose, before, ground) for pose, before in missing if pose is not None]
        return known[: max(0, self._max_people - len(seen))]


def _place_of(setting: Setting, ground: Ground | None) -> CameraPlace:
    if ground is None:
        return CameraPlace(setting.hfov_deg)
    return CameraPlace(setting.hfov_deg, ground.rotation, ground.height_m)
