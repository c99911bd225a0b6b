"""The lifter process: ring -> resample -> lift -> place -> publish."""

from __future__ import annotations

import gc
from dataclasses import replace

from engines.lifting.poses import Lifter
from realtime.clock import NS_PER_S, elapsed_ms, monotonic_ns
from realtime.config import RunConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline.floor import NONE
from realtime.pipeline.load import load_working
from realtime.pipeline.pose_frame import Lift
from realtime.pipeline.setting import check_profiles
from realtime.pipeline.stream_state import stream_state
from realtime.process.link import Link
from realtime.process.metrics import Rate, Stages
from realtime.process.priority import go_first
from realtime.process.stats import LifterStats, Load
from realtime.ring.ring import Ring, RingReader
from realtime.server.publish import Publisher
from realtime.tracking.presence import Presence

_READ_TIMEOUT_S = 0.1
_STATE_EVERY_NS = NS_PER_S // 10
_MAX_BEHIND = 4  # frames; a lifter further behind than that leaves out what is not the newest
# The line in stages; `message` is what lifting and publishing add, `total` is from the grab to the message.
STAGES = ("detect", "ring", "lift", "publish", "message", "total")


def main(link: Link, config: RunConfig) -> None:
    """Reads the keypoint ring. Publishes pose3d. Beats every frame. Ends when the ring is finished and read."""
    options, stream = config.lifter, config.stream
    lossless = config.source.lossless
    if config.realtime_priority:
        go_first()  # ZeroMQ's thread too, which begins below
    with (
        Ring.attach(link.ring_name, link.doorbell) as ring,
        Publisher(  # before the model is loaded: those who wait for it find it meanwhile
            stream.address, stream.rpc_address, stream.name, encoding=stream.encoding, keys=stream.keys,
            insecure=stream.insecure, patient=lossless, fields=elsewhere(stream.status_address),
        ) as publisher,
        load_working(options, link, config.detector.people) as lifter,
    ):  # fmt: skip
        publisher.status(stream_state(link.conditions(), published=False))
        check_profiles(config.place)
        lift = Lift(lifter, config.place, config.source.name, config.detector.people,
                    rotated_deg=config.source.rotate_deg)  # fmt: skip
        presence = Presence(stream.follow)
        reader = ring.reader()
        report = Report(link, lifter, publisher, reader)
        report.reprimed = reprime(lift, ring, reader, link, skip_unread=not lossless)
        gc.freeze()  # what is loaded stays: going through it in search of garbage would hold up a frame for 10 ms
        if not link.life:
            publisher.settle()
        link.ready(f"{lifter.name} on {lifter.engine}, publishing at {publisher.address}")
        while not link.stopping:
            link.beat()
            if not lossless and ring.head - reader.position > _MAX_BEHIND:
                catch_up(lift, ring, reader, link)
            keypoints = reader.read_next(_READ_TIMEOUT_S)
            if keypoints is not None:
                woken_ns = monotonic_ns()
                frame = presence.told(lift(keypoints), keypoints)
                lifted_ns = monotonic_ns()
                frame = replace(frame, latency_ms=_latencies(keypoints, woken_ns, lifted_ns))
                publisher.send(frame, engine=lifter.engine, model=lifter.name, lookahead=lifter.lag_frames)
                report.published(frame, keypoints, lifted_ns)
                link.published()
                publisher.send_keypoints(keypoints)  # for recorders; behind the pose, which is waited for
                lift.finish()
                ring.mark_consumed(reader.position)
            elif ring.finished and reader.position >= ring.head:
                break
            report.tell_sometimes(lift)
        report.tell(lift)


def elsewhere(status_address: str | None) -> dict[str, object]:
    """Where the status is said too, as the status tells it: a port, since a peer knows the host by another name."""
    port = (status_address or "").rpartition(":")[2]
    return {"status_port": int(port)} if port.isdigit() else {}


def reprime(lift: Lift, ring: Ring, reader: RingReader, link: Link, skip_unread: bool) -> int:
    """A lifter that is started again first remembers the ring's history, unpublished: it continues a filled window.

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
        lift.remember(keypoints)
    if skip_unread:
        catch_up(lift, ring, reader, link)  # what came meanwhile
    return len(history)


def catch_up(lift: Lift, ring: Ring, reader: RingReader, link: Link) -> None:
    """Latest wins: what is unread but for the newest is remembered, not published, and counts as lost."""
    while reader.position < ring.head - 1:
        link.beat()
        reader.position += 1
        reader.lost += 1
        late = ring.record(reader.position)
        if late is not None:  # else overwritten already
            lift.remember(late)


def _latencies(keypoints: Keypoints2D, woken_ns: int, lifted_ns: int) -> dict[str, float]:
    capture_ns, detected_ns = keypoints.stamp.capture_ns, keypoints.detected_ns
    return {
        "detect": elapsed_ms(capture_ns, detected_ns),
        "ring": elapsed_ms(detected_ns, woken_ns),
        "lift": elapsed_ms(woken_ns, lifted_ns),
        "total": elapsed_ms(capture_ns, lifted_ns),
    }


class Report:
    """Counts and times, told to the supervisor and to the stream's status once a second."""

    def __init__(self, link: Link, lifter: Lifter, publisher: Publisher, reader: RingReader) -> None:
        self._link, self._lifter, self._publisher, self._reader = link, lifter, publisher, reader
        self._stages = Stages(STAGES)
        self._rate = Rate()
        self._with_person = self._people = 0
        self._told_ns = monotonic_ns()
        self._state_told_ns, self._state = 0, dict[str, object]()
        self._floor_kind = NONE
        self.reprimed = 0

    def published(self, frame: PoseFrame, keypoints: Keypoints2D, lifted_ns: int) -> None:
        now_ns = monotonic_ns()
        self._rate.tick(now_ns)
        self._people = len(frame.persons)
        self._with_person += any(not person.held for person in frame.persons)
        self._stages.add(
            **{**frame.latency_ms, "total": elapsed_ms(keypoints.stamp.capture_ns, now_ns)},
            publish=elapsed_ms(lifted_ns, now_ns), message=elapsed_ms(keypoints.detected_ns, now_ns),
        )  # fmt: skip

    def tell_sometimes(self, lift: Lift) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._state_told_ns >= _STATE_EVERY_NS:
            self._state_told_ns = now_ns
            state = stream_state(self._link.conditions(), self._publisher.sent() > 0)
            if state != self._state:
                self._publisher.status(state)  # which goes out at once where `state` is another
                self._state = state
        floor_kind = NONE if lift.floor is None else lift.floor.kind
        if now_ns - self._told_ns >= NS_PER_S or floor_kind != self._floor_kind:
            self._floor_kind = floor_kind  # who sees a pose on the floor may ask for the floor
            self.tell(lift)

    def tell(self, lift: Lift) -> None:
        self._told_ns = monotonic_ns()
        recent_ms = self._stages.recent()
        status: dict[str, object] = {"stages_ms": recent_ms, "lost": self._reader.lost, "restarts": self._link.life,
                                     **lift.doings()}  # fmt: skip
        self._publisher.status(status)
        stats = LifterStats(
            self._rate.count, self._with_person, self._reader.lost, self.reprimed,
            self._rate.recent(self._told_ns), self._rate.mean(), self._lifter.engine, self._lifter.name,
            recent_ms, self._stages.summary(), Load.now(), self._people,
        )  # fmt: skip
        self._link.tell(stats)
