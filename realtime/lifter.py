"""The lifter process: ring -> resample -> lift -> place -> publish."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from engines.lifter import Lifter, load_lifter
from engines.normalise import MIN_SCORE
from realtime.clock import NS_PER_S, elapsed_ms, monotonic_ns
from realtime.config import PlaceConfig, RunConfig
from realtime.contracts import Array, Keypoints2D, Pose3D, PoseFrame
from realtime.link import Link
from realtime.metrics import Rate, Stages
from realtime.people import LiftedPerson, People, Sighting
from realtime.place import Placer
from realtime.placement import load_placer
from realtime.publish import Publisher
from realtime.ring import Ring, RingReader
from realtime.stats import LifterStats, Load

# A person out of sight keeps their last pose for so long, then leaves.
HOLD_NS = 500_000_000
# Keypoints kept for poses that lag behind them: the largest look-ahead at 120 frames a second, with room.
_PAST = 64
_READ_TIMEOUT_S = 0.1
# The line in stages; `message` is what lifting and publishing add, `total` is from the grab to the message.
STAGES = ("detect", "ring", "lift", "publish", "message", "total")


@dataclass(slots=True, eq=False)
class _Track:
    """What is remembered of a person in view."""

    pose: Pose3D
    seen_ns: int
    past: deque[tuple[int, Array, Array]]  # source time, rays, score of the newest frames


class Lift:
    """Keypoints of a frame to poses. Knows people, their last poses and where they stand; no ring and no sockets."""

    def __init__(self, lifter: Lifter, place: PlaceConfig, people: int) -> None:
        self._people = People(lifter)
        self._lag_frames = lifter.lag_frames
        self._place = place
        self._max_people = people
        self._placer: Placer | None = None
        self._scale = "assumed"  # of the newest pose
        self._tracks: dict[int, _Track] = {}

    def __call__(self, keypoints: Keypoints2D) -> PoseFrame:
        source_ns = keypoints.stamp.source_ns
        placer = self._placer_for(keypoints.image_wh)
        sightings = [
            Sighting(person.track_id, placer.camera.rays(person.xy_px), person.score) for person in keypoints.persons
        ]
        sightings = [sighting for sighting in sightings if _is_seen(sighting)]
        lifted = self._people.push(source_ns, sightings) if sightings else {}
        persons: list[Pose3D] = []
        for sighting in sightings:
            person = lifted[sighting.track_id]
            if np.isfinite(person.joints_m.sum()):
                persons.append(self._placed(placer, source_ns, sighting, person))
        self._forget(source_ns)
        persons += self._held(source_ns, [pose.track_id for pose in persons])
        return PoseFrame(
            keypoints.stamp, keypoints.image_wh, tuple(persons), placer.space, self._scale, placer.calibration,
            keypoints.dropped,
        )  # fmt: skip

    def _placer_for(self, image_wh: tuple[int, int]) -> Placer:
        if self._placer is None or self._placer.camera.image_wh != image_wh:
            self._placer = load_placer(self._place, image_wh)
        return self._placer

    def _placed(self, placer: Placer, source_ns: int, sighting: Sighting, person: LiftedPerson) -> Pose3D:
        track_id = sighting.track_id
        known = self._tracks.get(track_id)
        past = known.past if known else deque(maxlen=_PAST)
        past.append((source_ns, sighting.rays, sighting.score))
        # With look-ahead the pose is of an earlier frame: it is placed by what was seen then.
        pose_ns, rays, score = min(past, key=lambda seen: abs(seen[0] - person.source_ns))
        placed = placer.place(rays, score, person.joints_m, person.sigma_m, pose_ns, track_id)
        pose = Pose3D(
            track_id, placed.joints_m, placed.root_m, person.sigma_m, score, self._lag_frames, person.window_fill,
            held=False,
        )  # fmt: skip
        self._tracks[track_id] = _Track(pose, source_ns, past)
        self._scale = placed.scale
        return pose

    def _forget(self, source_ns: int) -> None:
        for track_id, track in list(self._tracks.items()):
            if not 0 <= source_ns - track.seen_ns <= HOLD_NS:
                self._people.drop(track_id)
                if self._placer is not None:
                    self._placer.forget(track_id)
                del self._tracks[track_id]

    def _held(self, source_ns: int, seen: list[int]) -> list[Pose3D]:
        """The last poses of people just out of sight; never more people than are looked for."""
        missing = [track.pose for track_id, track in self._tracks.items() if track_id not in seen]
        return [replace(pose, held=True) for pose in missing[: max(0, self._max_people - len(seen))]]


def main(link: Link, config: RunConfig) -> None:
    """Reads the keypoint ring. Publishes pose3d. Beats every frame. Ends when the ring is finished and read."""
    options, stream = config.lifter, config.stream
    with (
        Ring.attach(link.ring_name, link.doorbell) as ring,
        load_lifter(options.model, options.engine, options.lookahead, plan=options.plan) as lifter,
        Publisher(
            stream.address, stream.rpc_address, stream.name, encoding=stream.encoding, keys=stream.keys,
            insecure=stream.insecure,
        ) as publisher,
    ):  # fmt: skip
        lift = Lift(lifter, config.place, config.detector.people)
        load_placer(config.place, None)  # a calibration that cannot be read is said before the first frame
        reader = ring.reader()
        report = Report(link, lifter, publisher, reader)
        report.reprimed = reprime(lift, ring, reader, link, skip_unread=not config.source.max_speed)
        link.ready(f"{lifter.name} on {lifter.engine}, publishing at {publisher.address}")
        while not link.stopping:
            link.beat()
            keypoints = reader.read_next(_READ_TIMEOUT_S)
            if keypoints is not None:
                woken_ns = monotonic_ns()
                frame = lift(keypoints)
                lifted_ns = monotonic_ns()
                frame = replace(frame, latency_ms=_latencies(keypoints, woken_ns, lifted_ns))
                publisher.send(frame, engine=lifter.engine, model=lifter.name, lookahead=lifter.lag_frames)
                ring.mark_consumed(reader.position)
                report.published(frame, keypoints, lifted_ns)
            elif ring.finished and reader.position >= ring.head:
                break
            report.tell_sometimes()
        report.tell()


def reprime(lift: Lift, ring: Ring, reader: RingReader, link: Link, skip_unread: bool) -> int:
    """A lifter that is started again lifts the ring's history first, unpublished: it continues with a filled window.

    Frames that were not read while it was away are history too (`skip_unread`: latest wins; they count as lost), or
    are left to be published. Returns the number of frames of history. Nothing happens at the first start.
    """
    if ring.consumed == 0:
        reader.position = 0
        return 0
    last = ring.head if skip_unread else ring.consumed
    reader.lost += last - ring.consumed
    history = reader.history(ring.slots - 1, last)
    for keypoints in history:
        link.beat()
        lift(keypoints)
    while skip_unread and ring.head - reader.position > 1:  # what came meanwhile
        late = reader.read_next(0)
        if late is not None:
            lift(late)
            reader.lost += 1
    return len(history)


def _latencies(keypoints: Keypoints2D, woken_ns: int, lifted_ns: int) -> dict[str, float]:
    capture_ns, detected_ns = keypoints.stamp.capture_ns, keypoints.detected_ns
    return {
        "detect": elapsed_ms(capture_ns, detected_ns),
        "ring": elapsed_ms(detected_ns, woken_ns),
        "lift": elapsed_ms(woken_ns, lifted_ns),
        "total": elapsed_ms(capture_ns, lifted_ns),
    }


def _is_seen(sighting: Sighting) -> bool:
    return bool((np.isfinite(sighting.rays).all(-1) & (sighting.score >= MIN_SCORE)).any())


class Report:
    """Counts and times, told to the supervisor and to the stream's status once a second."""

    def __init__(self, link: Link, lifter: Lifter, publisher: Publisher, reader: RingReader) -> None:
        self._link, self._lifter, self._publisher, self._reader = link, lifter, publisher, reader
        self._stages = Stages(STAGES)
        self._rate = Rate()
        self._with_person = 0
        self._told_ns = monotonic_ns()
        self.reprimed = 0

    def published(self, frame: PoseFrame, keypoints: Keypoints2D, lifted_ns: int) -> None:
        now_ns = monotonic_ns()
        self._rate.tick(now_ns)
        self._with_person += any(not person.held for person in frame.persons)
        self._stages.add(
            **{**frame.latency_ms, "total": elapsed_ms(keypoints.stamp.capture_ns, now_ns)},
            publish=elapsed_ms(lifted_ns, now_ns), message=elapsed_ms(keypoints.detected_ns, now_ns),
        )  # fmt: skip

    def tell_sometimes(self) -> None:
        if monotonic_ns() - self._told_ns >= NS_PER_S:
            self.tell()

    def tell(self) -> None:
        self._told_ns = monotonic_ns()
        recent_ms = self._stages.recent()
        self._publisher.status({"stages_ms": recent_ms, "lost": self._reader.lost, "restarts": self._link.life})
        stats = LifterStats(
            self._rate.count, self._with_person, self._reader.lost, self.reprimed,
            self._rate.recent(self._told_ns), self._rate.mean(), self._lifter.engine, self._lifter.name,
            recent_ms, self._stages.summary(), Load.now(),
        )  # fmt: skip
        self._link.tell(stats)


