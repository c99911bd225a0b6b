"""The server: keypoints of many producers in, lifted in batches, each stream's poses out. One thread does it all."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import Protocol

from calibration.cameras.cameras_file import load_cameras
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.clock import NS_PER_MS, NS_PER_S, elapsed_ms, monotonic_ns, to_unix_ns
from realtime.closing import Closing
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline.lift_batch import MOST_AT_ONCE
from realtime.pipeline.resample import RATE_HZ
from realtime.pipeline.setting import SettingFor
from realtime.process.states import RUNNING, STALLED, STARTING
from realtime.serve.admission import Admission
from realtime.serve.figures import Figures
from realtime.serve.intake import Intake, Said
from realtime.serve.metrics import server_metrics
from realtime.serve.options import ServeOptions
from realtime.serve.room import Room
from realtime.serve.rounds import lift_round
from realtime.serve.seat import Seat, new_seat
from realtime.serve.seats import Seats
from realtime.server.metrics_page import MetricsPage
from realtime.server.publish import Publisher
from realtime.wire.endpoints import PUBLISH_HIGH_WATER
from realtime.wire.framing import Fields

_LOOK_NS = NS_PER_S // 10
_TELL_NS = NS_PER_S
_READ_NS = 2 * NS_PER_MS
_IDLE_NS = NS_PER_S // 10  # at most so long without a look at who has gone
_LIKELY = 0.5  # frames of others in the window, on average
_SWITCH_S = 0.0005  # the publisher's other thread may hold up a frame for so long
_HELD_FOR_READERS = 16 * PUBLISH_HIGH_WATER  # a round brings many messages at once to who reads all streams

log = logging.getLogger("realtime.serve")


class Stops(Protocol):
    """An event, or what is asked as one in every round."""

    def is_set(self) -> bool: ...


class Server(Closing):
    """`run` until `stop` is set. Raises UserError where it cannot begin."""

    def __init__(self, options: ServeOptions, about: Callable[[str], Fields] = lambda stream: {}) -> None:
        """`about`: what the status of a stream says besides."""
        stream = options.stream
        self.figures = Figures(monotonic_ns())
        self.published: Counter[str] = Counter()  # frames, by stream
        cameras = None if options.cameras is None else load_cameras(options.cameras)
        with ExitStack() as stack:
            keys = None if options.open_intake else stream.keys
            self._intake = stack.enter_context(Intake(options.intake, keys, stream.insecure))
            self._lifter: Lifter = stack.enter_context(_ready_lifter(options))
            self._publisher = stack.enter_context(Publisher(
                stream.address, stream.rpc_address, None, encoding=stream.encoding, keys=stream.keys,
                insecure=stream.insecure, high_water=_HELD_FOR_READERS,
            ))  # fmt: skip
            self._page = None
            if options.metrics is not None:
                collect = partial(server_metrics, self.figures, options.streams)
                self._page = stack.enter_context(MetricsPage(options.metrics, collect))
            self._owned = stack.pop_all()
        self._options, self._about = options, about
        fused = "" if cameras is None else stream.name
        self._window_ns = int(options.window_ms * NS_PER_MS)
        self.seats = Seats(
            self._intake, Admission(options.streams, options.most_busy, fused), self.figures, self._new_seat, self._gone
        )
        self.intake_address, self.address = self._intake.address, self._publisher.address
        self.rpc_address, self.engine, self.model = self._publisher.rpc_address, self._lifter.engine, self._lifter.name
        self.metrics_address = None if self._page is None else self._page.address
        self._room = None if cameras is None else Room(cameras, self._publisher, stream.name)
        self.changed = threading.Event()  # other streams are lifted than before; whoever waits for it clears it
        self._lifted: dict[str, str] = {}
        self._moves: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._read: list[Said] = []
        self._read_ns = self._look_ns = 0

    def close(self) -> None:
        self.seats.leave_all()
        self._owned.close()

    def run(self, stop: Stops) -> None:
        before_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        gc.freeze()
        try:
            while not stop.is_set():
                self._step()
        finally:
            sys.setswitchinterval(before_s)

    def lifted(self) -> dict[str, str]:
        """From any thread: its streams, and the lives of their producers; not those that another server lifts yet."""
        return self._lifted

    def move(self, stream: str, address: str) -> None:
        """From any thread: its producer is told to go on there, and is lifted here until it does."""
        self._moves.put((stream, address))

    def _step(self) -> None:
        """Hear, wait a moment for others, lift, publish."""
        backlog = bool(self._read) or any(seat.waiting for seat in self.seats.by_stream.values())
        self._read.extend(self._intake.hear(0 if backlog else self._idle_ns()))
        start_ns = monotonic_ns()
        alone = bool(self._read) and not backlog
        self._take_in()
        if alone and self._others_expected():
            start_ns += self._gather(start_ns + self._window_ns)
        seats = self.seats.by_stream.values()
        if lift_round(self._lifter, seats, self._publish, self._publish_keypoints):
            self.figures.rounds += 1
            self.seats.tell_primed()
        if self._room is not None:
            self.published[self._options.stream.name] += self._room.publish(self._lifter)
        now_ns = monotonic_ns()
        if now_ns - self._look_ns >= _LOOK_NS:
            self._look_ns = now_ns
            while not self._moves.empty():
                self.seats.move(*self._moves.get())
            self.seats.look(now_ns)
            self._tell(now_ns)
            if self._room is not None:
                self._room.tell(now_ns, self._about(self._options.stream.name))
            lifted = {stream: seat.life for stream, seat in self.seats.by_stream.items() if not seat.handover}
            if lifted != self._lifted:
                self._lifted = lifted
                self.changed.set()
        self.figures.worked(start_ns, monotonic_ns())

    def _idle_ns(self) -> int:
        return _IDLE_NS if self._room is None else min(_IDLE_NS, self._room.wait_ns())

    def _gather(self, until_ns: int) -> int:
        """Hears more until then, or until there is a whole batch; how much of that it waited."""
        waited_ns = 0
        while (left_ns := until_ns - monotonic_ns()) >= NS_PER_MS and self._ready() < self._enough():
            asleep_ns = monotonic_ns()
            self._read.extend(self._intake.hear(left_ns))
            waited_ns += monotonic_ns() - asleep_ns
            self._take_in()
        return waited_ns

    def _take_in(self) -> None:
        """What was read, some of it in the middle of a round, when nobody may join or leave."""
        for said in self._read:
            self.seats.hear(said)
        self._read.clear()

    def _others_expected(self) -> bool:
        """Whether so many streams are here that a frame which waits is likely to be joined by another."""
        return len(self.seats.by_stream) * RATE_HZ * self._window_ns / NS_PER_S >= _LIKELY

    def _ready(self) -> int:
        return sum(bool(seat.waiting) for seat in self.seats.by_stream.values())

    def _enough(self) -> int:
        return min(MOST_AT_ONCE, len(self.seats.by_stream))

    def _publish(self, seat: Seat, frame: PoseFrame, received_ns: int) -> None:
        lifter = self._lifter
        self._publisher.send(
            frame, engine=lifter.engine, model=lifter.name, lookahead=lifter.lag_frames, stream=seat.stream
        )
        if self._room is not None:
            self._room.see(seat.stream, frame, seat.lift.floor)
        seat.published += 1
        self.published[seat.stream] += 1
        self.figures.published(elapsed_ms(received_ns, monotonic_ns()))
        if monotonic_ns() - self._read_ns > _READ_NS:  # each message is stamped when it is read: soon, then
            self._read.extend(self._intake.hear(0))
            self._read_ns = monotonic_ns()

    def _publish_keypoints(self, seat: Seat, keypoints: Keypoints2D) -> None:
        self._publisher.send_keypoints(keypoints, stream=seat.stream)

    def _new_seat(self, stream: str, said: Said, life: str, first_id: int) -> Seat:
        options = self._options
        return new_seat(
            stream, said.peer, said.key, life, said.connection, lifter=self._lifter,
            place=self._place_of(stream), most_people=options.people, max_fps=options.max_fps, first_id=first_id,
            now_ns=said.received_ns,
        )  # fmt: skip

    def _place_of(self, stream: str) -> PlaceConfig | SettingFor:
        """What a stream's poses are placed in: a camera of the room knows, others learn it."""
        known = None if self._room is None else self._room.setting_for(stream)
        return known or PlaceConfig(floor=self._options.floor)

    def _gone(self, seat: Seat, moved: bool) -> None:
        self._publisher.rest(seat.stream, silently=moved)
        self.figures.left_out += seat.left_out - seat.left_out_told

    def _tell(self, now_ns: int) -> None:
        """Each stream's status once a second, not all at once."""
        seats = self.seats.by_stream.values()
        self.figures.streams = len(seats)
        for seat in seats:
            if seat.handover:
                continue
            state, why = _state(seat)
            if now_ns - seat.told_ns < _TELL_NS and state == seat.told_state:
                continue
            if state != seat.told_state:
                seat.state_since_ns = now_ns
            seat.told_ns, seat.told_state = now_ns, state
            self.figures.left_out += seat.left_out - seat.left_out_told
            seat.left_out_told = seat.left_out
            self._publisher.status({**_status(seat, state, why), **self._about(seat.stream)}, stream=seat.stream)


def _state(seat: Seat) -> tuple[str, str]:
    if seat.state not in (RUNNING, STARTING):
        return seat.state, seat.why
    if seat.unusable:
        return STALLED, "its frames cannot be lifted: the server's log says why"
    if not seat.published:
        return STARTING, ""
    return (STALLED, "no frames come from its producer") if seat.stalled else (RUNNING, "")


def _status(seat: Seat, state: str, why: str) -> dict[str, object]:
    return {
        "state": state, "why": why, "state_since_ns": to_unix_ns(seat.state_since_ns), "left_out": seat.left_out,
        **seat.lift.doings(),
    }  # fmt: skip


def _ready_lifter(options: ServeOptions) -> Lifter:
    """Loaded, with its memory set aside: growing it later would hold up everybody's frames."""
    chosen = options.lifter
    lifter = load_lifter(chosen.model, chosen.engine, chosen.lookahead, align=chosen.align, plan=chosen.plan)
    slots = [lifter.open() for _ in range(options.streams * options.people)]
    for slot in slots:
        lifter.close(slot)
    return lifter
