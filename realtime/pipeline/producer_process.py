"""The producer process: capture -> detect -> ring."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import DetectorConfig, RunConfig, SourceConfig
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.detectors.mediapipe_pose import Detector
from realtime.detectors.open_detector import open_detector
from realtime.detectors.own_detector import OwnDetector
from realtime.process.link import Link
from realtime.process.metrics import Rate
from realtime.process.picture_memory import keep_picture_memory
from realtime.process.stats import Load, ProducerStats
from realtime.ring.picture_slot import PictureSlot, slot_name
from realtime.ring.ring import Ring
from realtime.sources.address import is_live
from realtime.sources.lasting_source import LastingSource
from realtime.sources.open_source import open_source, video_path
from realtime.sources.source import Frame, Source
from realtime.sources.source_watch import SourceWatch

READ_TIMEOUT_S = 0.5
# Where nothing may be lost: the producer never runs further ahead of the lifter than this.
MAX_AHEAD = 64
_WAIT_S = 0.002
_FILM_HZ = 30.0  # pictures a second for a film of a camera


class Continuation:
    """Frame ids, track ids, drops and the source's timeline go on where the producer before this one ended."""

    def __init__(self, ring: Ring, source: LastingSource) -> None:
        last = ring.record(ring.head)
        self._source = source
        self._frame_id = last.stamp.frame_id + 1 if last else 0
        # What a camera has shown before the session began is no loss.
        self._dropped = (last.dropped if last else 0) - source.dropped
        history = ring.reader().history(ring.slots) if last else []
        self._track_id = 1 + max((person.track_id for record in history for person in record.persons), default=-1)
        self._source_ns = 0
        if last and not source.live:  # a live source's timeline is the monotonic clock itself
            self._source_ns = last.stamp.source_ns + max(monotonic_ns() - last.stamp.capture_ns, NS_PER_S)

    def stamp(self, frame: Frame) -> Frame:
        stamp = frame.stamp
        moved = Stamp(stamp.frame_id + self._frame_id, stamp.capture_ns, stamp.source_ns + self._source_ns)
        return replace(frame, stamp=moved)

    def keypoints(self, frame: Frame, persons: tuple[Person2D, ...], repeated: bool = False) -> Keypoints2D:
        height, width = frame.image_bgr.shape[:2]
        known = tuple(replace(person, track_id=person.track_id + self._track_id) for person in persons)
        dropped = self._dropped + self._source.dropped
        return Keypoints2D(frame.stamp, (width, height), known, monotonic_ns(), dropped, repeated)


def main(link: Link, config: RunConfig) -> None:
    """Reads the source. Writes the keypoint ring. Beats every frame. Ends with the source, or when told to finish."""
    options = config.source
    keep_picture_memory()
    with (
        Ring.attach(link.ring_name, link.doorbell) as ring,
        LastingSource(
            partial(open_configured, options), is_live(options.name), ring.head > 0, options.give_up_s
        ) as source,
        open_configured_detector(config.detector) as detector,
        ExitStack() as stack,
    ):
        link.ready(shown_as(source.source) if source.source else source.away)
        link.wait_for_go()
        going_on = Continuation(ring, source)
        report, watch, preview = Report(link), SourceWatch(link), Preview(link, config, stack)
        persons: tuple[Person2D, ...] = ()
        while not link.finishing and (config.frames is None or ring.head < config.frames):
            link.beat()
            if options.lossless and ring.head - ring.consumed >= MAX_AHEAD:
                time.sleep(_WAIT_S)
                continue
            try:
                frame = source.read(READ_TIMEOUT_S)
            except TimeoutError:  # a slow or stalled source: it reconnects by itself, and we still listen to orders
                watch.silent(source.away, source.reconnecting)
                continue
            if frame is None:
                break
            frame = going_on.stamp(frame)
            repeated = watch.repeated(frame.image_bgr, source.fps)
            persons = persons if repeated else detector.detect(frame)
            keypoints = going_on.keypoints(frame, persons, repeated)
            ring.write(keypoints)
            preview.show(frame)
            report.written(keypoints)
        report.tell()


class Preview:
    """Pictures for a viewer on this machine, so many a second. A film of a file reads the file itself instead."""

    def __init__(self, link: Link, config: RunConfig, stack: ExitStack) -> None:
        view = config.view
        rate_hz = view.picture_fps
        if view.render is not None:
            rate_hz = 0.0 if video_path(config.source.name) else _FILM_HZ
        wanted = view.enabled and rate_hz > 0 and view.layout != "3d"
        self._slot = stack.enter_context(PictureSlot.attach(slot_name(link.ring_name))) if wanted else None
        self._every_ns = round(NS_PER_S / rate_hz) if wanted else 0
        self._due_ns = 0

    def show(self, frame: Frame) -> None:
        if self._slot is None or frame.stamp.capture_ns < self._due_ns:
            return
        self._slot.write(frame.stamp.frame_id, frame.image_bgr)
        # on a grid, so that a camera of 30 frames/s gives 10 and not 7.5
        late_ns = frame.stamp.capture_ns - self._due_ns
        self._due_ns = frame.stamp.capture_ns + self._every_ns - min(late_ns, self._every_ns // 2)


def open_configured(options: SourceConfig) -> Source:
    """Raises UserError."""
    return open_source(
        options.name, loop=options.loop, max_speed=options.max_speed, width=options.width, height=options.height,
        fps=options.fps, mirror=options.mirror, every_frame=options.every_frame, start_s=options.start_s,
        file_fps=options.file_fps, rotate_deg=options.rotate_deg,
    )  # fmt: skip


def open_configured_detector(options: DetectorConfig) -> Detector | OwnDetector:
    """Raises UserError."""
    return open_detector(options.size, options.people, options.threads, options.feet, options.hands)


def shown_as(source: Source) -> str:
    width, height = source.image_wh
    return f"{source.name}, {width}x{height}" + (f", {source.fps:.3g} fps" if source.fps else "")


class Report:
    """Counts, and tells the supervisor once a second."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._rate = Rate()
        self._with_person = 0
        self._dropped = 0
        self._told_ns = 0

    def written(self, keypoints: Keypoints2D) -> None:
        self._rate.tick(keypoints.detected_ns)
        self._with_person += bool(keypoints.persons) and not keypoints.repeated
        self._dropped = keypoints.dropped
        if keypoints.detected_ns - self._told_ns >= NS_PER_S:
            self.tell()

    def tell(self) -> None:
        self._told_ns = monotonic_ns()
        fps, mean_fps = self._rate.recent(self._told_ns), self._rate.mean()
        stats = ProducerStats(self._rate.count, self._with_person, self._dropped, fps, mean_fps, Load.now())
        self._link.tell(stats)
