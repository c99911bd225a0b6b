"""One stream's place in the server: who sends it, what waits of it, and what is remembered of its people."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from engines.lifting.poses import Lifter
from realtime.clock import NS_PER_S, from_unix_ns
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.pipeline.lift_batch import People
from realtime.pipeline.pose_frame import Lift
from realtime.pipeline.setting import SettingFor
from realtime.serve.pace import Pace
from realtime.wire.joining import ACK_EVERY, PAST
from realtime.wire.messages import KeypointsMessage

WAITING = 4  # frames of a stream that wait at most; then the oldest is left out
WAITING_PAST = 2 * PAST  # while what was seen before is being remembered
STALL_NS = 2 * NS_PER_S  # without a frame: nothing is remembered of its people any more


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A frame on this machine's clock, which waits for its turn."""

    keypoints: Keypoints2D
    received_ns: int
    past: bool = False  # to be remembered, not published


@dataclass(slots=True, eq=False)
class Seat:
    """Taken by one producer at a time. `first_id`: ids of people begin here, so that nobody is taken for another."""

    stream: str
    peer: bytes
    key: str
    life: str
    connection: int
    lift: Lift
    people: People
    pace: Pace
    first_id: int
    heard_ns: int  # when its producer last said anything
    frame_ns: int  # when its last frame came
    most_people: int
    waiting: deque[Arrived] = field(default_factory=deque)
    next_id: int = 0
    newest_seq: int = -1
    taken: int = 0  # frames since the last receipt
    left_out: int = 0
    published: int = 0
    state: str = "starting"
    why: str = ""
    stalled: bool = False
    past_due: int = 0  # frames of what was seen before that it may still send
    handover: bool = False  # another server lifts it meanwhile: nothing of it is told here
    unusable: bool = False  # a frame could not be lifted: said once
    told_ns: int = 0  # its status, and what it said
    told_state: str = ""
    state_since_ns: int = 0
    left_out_told: int = 0

    def take(self, message: KeypointsMessage, received_ns: int) -> bool:
        """A frame that came. True: it is time for a receipt."""
        self.heard_ns = self.frame_ns = received_ns
        self.stalled = False
        if message.past:
            self._take_past(message, received_ns)
            return False
        self.newest_seq = message.seq
        self.taken += 1
        self.handover, self.past_due = False, 0
        if not self.pace.takes(message.source_ns, received_ns):
            self.left_out += 1
        elif self.priming:  # it comes too early to be shown
            self._wait(Arrived(self._here(message, received_ns), received_ns, past=True), WAITING_PAST)
        else:
            self._wait(Arrived(self._here(message, received_ns), received_ns), WAITING)
        return self.taken >= ACK_EVERY

    @property
    def priming(self) -> bool:
        """Whether what was seen before is yet to be remembered."""
        return bool(self.waiting) and self.waiting[-1].past

    def _take_past(self, message: KeypointsMessage, received_ns: int) -> None:
        """As many as were asked for; while another server lifts the stream, what comes meanwhile too."""
        if self.past_due <= 0 and not self.handover:
            return
        self.past_due -= 1
        self._wait(Arrived(self._here(message, received_ns), received_ns, past=True), WAITING_PAST)

    def _wait(self, arrived: Arrived, most: int) -> None:
        if len(self.waiting) >= most:
            self.waiting.popleft()
            self.left_out += 1
        self.waiting.append(arrived)

    def forget_people(self) -> None:
        """Their places in the model are free for others."""
        self.waiting.clear()
        self.lift.clear()

    def _here(self, message: KeypointsMessage, received_ns: int) -> Keypoints2D:
        """Its stamps as monotonic ones of this machine; what a wrong clock puts into the future came at once."""
        persons = tuple(
            Person2D(self.first_id + person.id, person.xy_px, person.score, person.feet, person.hands)
            for person in message.persons[: self.most_people]
        )
        self.next_id = max(self.next_id, *(person.track_id + 1 for person in persons), 0)
        detected_ns = min(from_unix_ns(message.t_detect_ns), received_ns)
        stamp = Stamp(message.frame_id, min(from_unix_ns(message.t_capture_ns), detected_ns), message.source_ns)
        return Keypoints2D(stamp, message.image_wh, persons, detected_ns, message.dropped, message.repeated)

    def counted(self, keypoints: Keypoints2D) -> Keypoints2D:
        """With what was left out here."""
        return replace(keypoints, dropped=keypoints.dropped + self.left_out)


def new_seat(
    stream: str, peer: bytes, key: str, life: str, connection: int, *, lifter: Lifter, place: PlaceConfig | SettingFor,
    most_people: int, max_fps: float, first_id: int, now_ns: int,
) -> Seat:  # fmt: skip
    people = People(lifter)
    lift = Lift(people, place, f"produce://{stream}", most_people)
    return Seat(
        stream, peer, key, life, connection, lift, people, Pace(max_fps, now_ns), first_id, now_ns, now_ns,
        most_people, next_id=first_id,
    )  # fmt: skip
