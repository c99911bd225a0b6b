"""Recordings as streams again: with their own timing, or lifted anew from their keypoints."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.server.publish import Publisher
from realtime.takes.take import Recorded, TakeWriter, read_take
from realtime.wire.decode import keypoints_message, pose_message
from realtime.wire.encode import encode_pose
from realtime.wire.framing import KEYPOINTS, POSE, decode_map, split
from realtime.wire.messages import KeypointsMessage, PoseMessage

SPEEDS = (0.001, 1000.0)
MAX_STEP_NS = 10 * NS_PER_S  # a longer pause between two frames is cut to this, a step back to none: a clock was set
LISTENER_S = 5.0  # how long a replay waits for somebody to listen
_LATE_NS = 200_000_000  # further behind than this the clock of the replay is set anew

log = logging.getLogger("realtime.replay")


@dataclass(frozen=True, slots=True)
class LiftOptions:
    """What lifts recorded keypoints anew, and the calibrations in force (None: assumed, as in `realtime run`)."""

    model: str = "default"
    engine: str = "auto"
    lookahead: int = 0
    camera: Path | None = None
    ground: Path | None = None
    person: str | None = None
    people: int = 1  # as many as the detector of `realtime run` looked for: no more are held when out of sight


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A frame of a recording. Its stamp's capture time is Unix ns as recorded, until it is sent."""

    stream: str
    session: str
    seq: int
    log_time_ns: int
    t_publish_ns: int
    frame: PoseFrame | Keypoints2D
    engine: str = ""
    model: str = ""
    lookahead: int = 0
    at_ns: int = 0  # of the recording's own time, which begins with its first frame


def frames(path: Path, seek_s: float = 0.0, lift: LiftOptions | None = None) -> Iterator[Replayed]:
    """A recording's frames from `seek_s` seconds after the first on: as recorded, or with new poses from the keypoints.

    Raises UserError where the file is no recording, or holds nothing of what is wanted.
    """
    recorded = _lifted(path, lift) if lift else _recorded(path)
    count = at_ns = last_ns = 0
    for replayed in recorded:
        step_ns = replayed.t_publish_ns - (last_ns or replayed.t_publish_ns)
        at_ns, last_ns = at_ns + min(max(step_ns, 0), MAX_STEP_NS), replayed.t_publish_ns
        if at_ns >= seek_s * NS_PER_S:
            count += 1
            yield replace(replayed, at_ns=at_ns)
    if count == 0:
        wanted = "keypoints to lift: record a stream that publishes them" if lift else "poses or keypoints"
        raise UserError(f"{path} holds no {wanted}" + (f", or none after {seek_s:g} s" if seek_s else ""))


def replay(
    path: Path, publisher: Publisher, *, speed: float = 1.0, loop: bool = False, seek_s: float = 0.0,
    lift: LiftOptions | None = None, stop: threading.Event | None = None, wait_s: float = 0.0,
) -> int:  # fmt: skip
    """Publishes a recording at `speed` times its own pace (0: as fast as it goes), once or until `stop` is set.

    It begins once somebody listens, or after `wait_s`. Returns the number of frames sent. The pace is that of
    publication, and frames are as old when they are due as they were when first published: at the recording's own
    speed all times are shifted by one offset. Raises UserError for a speed that is neither 0 nor in SPEEDS.
    """
    if speed and not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise UserError(f"speed {speed:g} is neither 0 nor from {SPEEDS[0]:g} to {SPEEDS[1]:g}: choose another")
    stop, sent = stop or threading.Event(), 0
    if wait_s and not publisher.wait_for_listener(wait_s, stop) and not stop.is_set():
        log.info("nobody listens at %s: playing all the same", publisher.address)
    while not stop.is_set():
        start_ns, first_ns = monotonic_ns(), None
        for replayed in frames(path, seek_s, lift):
            first_ns = replayed.at_ns if first_ns is None else first_ns
            due_ns = monotonic_ns()
            if speed:
                due_ns = start_ns + int((replayed.at_ns - first_ns) / speed)
                start_ns += max(0, monotonic_ns() - due_ns - _LATE_NS)
                stop.wait(max(0, due_ns - monotonic_ns()) / NS_PER_S)
            if stop.is_set():
                break
            _send(replayed, publisher, due_ns - replayed.t_publish_ns)
            sent += 1
        if not loop:
            break
    return sent


def relift(path: Path, target: Path, lift: LiftOptions, *, overwrite: bool = False) -> int:
    """Writes a recording of the poses lifted anew; the same input gives the same poses, bit for bit."""
    count = 0
    with TakeWriter(target, overwrite=overwrite, live=False) as take:
        for replayed in frames(path, lift=lift):
            if isinstance(replayed.frame, PoseFrame):
                take.add(Recorded(POSE, replayed.stream, replayed.log_time_ns, pose_fields(replayed, replayed.frame)))
                count += 1
    return count


def pose_fields(replayed: Replayed, frame: PoseFrame) -> dict[str, object]:
    """The frame as PROTOCOL.md's map, with the times and the session of the recording."""
    message = encode_pose(
        frame, stream=replayed.stream, session=replayed.session, seq=replayed.seq,
        t_capture_ns=frame.stamp.capture_ns, t_publish_ns=replayed.t_publish_ns, engine=replayed.engine,
        model=replayed.model, lookahead=replayed.lookahead,
    )  # fmt: skip
    return decode_map(split(message)[2])


def _recorded(path: Path) -> Iterator[Replayed]:
    for recorded in read_take(path):
        if recorded.kind == POSE:
            pose = pose_message(recorded.stream, recorded.fields)
            yield Replayed(
                pose.stream, pose.session, pose.seq, recorded.log_time_ns, pose.t_publish_ns, _pose_frame(pose),
                pose.engine, pose.model, pose.lookahead,
            )  # fmt: skip
        elif recorded.kind == KEYPOINTS:
            yield _keypoints(recorded)


def _lifted(path: Path, options: LiftOptions) -> Iterator[Replayed]:
    from engines.lifting.load_lifter import load_lifter
    from realtime.config import PlaceConfig
    from realtime.pipeline.pose_frame import Lift

    with load_lifter(options.model, options.engine, options.lookahead) as lifter:
        place = PlaceConfig(options.camera, options.ground, options.person)
        lifts: dict[tuple[str, str], Lift] = {}  # one for each session of each stream
        for recorded in read_take(path):
            if recorded.kind != KEYPOINTS:
                continue
            replayed = _keypoints(recorded)
            yield replayed
            key = (replayed.stream, replayed.session)
            if key not in lifts:
                lifts[key] = Lift(lifter, place, str(path), options.people)
            assert isinstance(replayed.frame, Keypoints2D)
            yield replace(
                replayed, frame=lifts[key](replayed.frame), engine=lifter.engine, model=lifter.name,
                lookahead=lifter.lag_frames,
            )  # fmt: skip


def _keypoints(recorded: Recorded) -> Replayed:
    message = keypoints_message(recorded.stream, recorded.fields)
    return Replayed(
        message.stream, message.session, message.seq, recorded.log_time_ns, message.t_publish_ns,
        _keypoints_frame(message),
    )  # fmt: skip


def _pose_frame(message: PoseMessage) -> PoseFrame:
    persons = tuple(
        Pose3D(
            person.id, person.joints_m, person.root_m, person.sigma_m, person.score, person.lag_frames,
            person.window_fill, person.held, person.unseen, person.root_sigma_m, person.feet_m,
            person.feet_sigma_m, person.hands_m, person.hands_sigma_m,
        )
        for person in message.persons
    )  # fmt: skip
    return PoseFrame(
        Stamp(message.frame_id, message.t_capture_ns, message.t_capture_ns), message.image_wh, persons, message.space,
        message.scale, message.calibration, message.dropped, message.latency_ms, message.floor,
        message.appeared, message.left, message.camera,
    )  # fmt: skip


def _keypoints_frame(message: KeypointsMessage) -> Keypoints2D:
    return Keypoints2D(
        Stamp(message.frame_id, message.t_capture_ns, message.source_ns), message.image_wh,
        tuple(Person2D(person.id, person.xy_px, person.score, person.feet, person.hands) for person in message.persons),
        message.t_detect_ns, message.dropped, message.repeated,
    )  # fmt: skip


def _send(replayed: Replayed, publisher: Publisher, shift_ns: int) -> None:
    frame = replayed.frame
    stamp = replace(frame.stamp, capture_ns=frame.stamp.capture_ns + shift_ns)
    if isinstance(frame, PoseFrame):
        publisher.send(
            replace(frame, stamp=stamp), engine=replayed.engine, model=replayed.model, lookahead=replayed.lookahead,
            stream=replayed.stream,
        )  # fmt: skip
    else:
        restamped = replace(frame, stamp=stamp, detected_ns=frame.detected_ns + shift_ns)
        publisher.send_keypoints(restamped, stream=replayed.stream)
