"""Everybody who has a place: joins, leaves, falls silent, comes back. What one has, no other sees."""

from __future__ import annotations

import logging
from collections.abc import Callable

from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.serve.admission import Admission
from realtime.serve.figures import Figures
from realtime.serve.intake import Intake, Said
from realtime.serve.seat import STALL_NS, Seat
from realtime.wire.decode import decode_keypoints
from realtime.wire.framing import KEYPOINTS, VersionError, WireError, split
from realtime.wire.joining import (
    BUSY,
    GONE_S,
    MALFORMED,
    PAST,
    UNKNOWN,
    VERSION_CODE,
    AskClock,
    Clock,
    Join,
    Joined,
    Leave,
    Moved,
    Ping,
    Primed,
    Receipt,
    Refused,
    decode_request,
)

log = logging.getLogger("realtime.serve")

MOST_PAST = 8 * PAST  # frames of what streams have seen before that wait at most: a few seconds of work
_GONE_NS = int(GONE_S * NS_PER_S)
_TOPIC = f"{KEYPOINTS}/".encode()
NewSeat = Callable[[str, Said, str, int], Seat]  # stream, its join, life, first id


class Seats:
    """By stream and by peer. `gone` is called with each seat that is left, before its name is free, and whether
    another server goes on with its stream."""

    def __init__(
        self, intake: Intake, admission: Admission, figures: Figures, new_seat: NewSeat,
        gone: Callable[[Seat, bool], None],
    ) -> None:  # fmt: skip
        self._intake, self._admission, self._figures = intake, admission, figures
        self._new_seat, self._gone = new_seat, gone
        self.by_stream: dict[str, Seat] = {}
        self._by_peer: dict[bytes, Seat] = {}
        self._next_ids: dict[str, int] = {}  # of every stream since the server began
        self._reopened = 0
        self._ask_primed: list[Seat] = []

    def hear(self, said: Said) -> None:
        """One message of a producer. What is wrong with it its sender is told."""
        seat = self._by_peer.get(said.peer)
        try:
            if said.body.startswith(_TOPIC):
                self._frame(said, seat)
            else:
                self._request(said, seat)
        except VersionError as error:
            self._refuse(said, Refused(VERSION_CODE, str(error)))
        except WireError as error:
            self._refuse(said, Refused(MALFORMED, str(error)))

    def look(self, now_ns: int) -> None:
        """Places of those who have gone are free; of those who stand still nothing is remembered."""
        if self._intake.reopened != self._reopened:  # everybody comes by another connection now
            self._reopened = self._intake.reopened
            for seat in self._by_peer.values():
                seat.peer = b""
            self._by_peer.clear()
        for seat in list(self.by_stream.values()):
            if now_ns - seat.heard_ns > _GONE_NS:
                self._leave(seat, "it was silent")
            elif now_ns - seat.frame_ns > STALL_NS and not seat.stalled:
                seat.stalled = True
                seat.forget_people()

    def leave_all(self) -> None:
        for seat in list(self.by_stream.values()):
            self._leave(seat, "the server ends")

    def tell_primed(self) -> None:
        """After a round: to those who have asked, and of whom nothing waits any more."""
        for seat in [seat for seat in self._ask_primed if not seat.waiting]:
            self._ask_primed.remove(seat)
            self._intake.answer(seat.peer, Primed())

    def move(self, stream: str, address: str) -> None:
        """Its producer is told to go on there; until it leaves, its stream is lifted here."""
        seat = self.by_stream.get(stream)
        if seat is not None:
            self._intake.answer(seat.peer, Moved(address))

    def _frame(self, said: Said, seat: Seat | None) -> None:
        if seat is None:
            self._intake.answer(said.peer, Refused(UNKNOWN, "join first"))
            return
        _, stream, _ = split(said.body)
        if stream != seat.stream:
            raise WireError(f"a frame of '{stream}' from the producer of '{seat.stream}'")
        if seat.take(decode_keypoints(said.body), said.received_ns):
            self._receipt(seat)

    def _request(self, said: Said, seat: Seat | None) -> None:
        request = decode_request(said.body)
        if isinstance(request, AskClock):
            received_ns = unix_ns() - (monotonic_ns() - said.received_ns)
            self._intake.answer(said.peer, Clock(request.t_client_ns, received_ns, unix_ns()))
        elif isinstance(request, Join):
            self._join(request, said)
        elif seat is None:
            self._intake.answer(said.peer, Refused(UNKNOWN, "join first"))
        elif isinstance(request, Leave):
            self._leave(seat, "it has moved" if request.moved else "it has ended", request.moved)
        elif isinstance(request, Primed):
            seat.heard_ns = said.received_ns
            self._ask_primed.append(seat)
            self.tell_primed()
        elif isinstance(request, Ping):
            seat.heard_ns, seat.state, seat.why = said.received_ns, request.state, request.why
            self._receipt(seat)

    def _join(self, join: Join, said: Said) -> None:
        refused = self._admission.refuses(
            join, said.key, self.by_stream, len(self._next_ids), self._figures.busy, said.received_ns
        )
        past = self._past_wanted() if join.follows else 0
        if refused is None and join.handover and past < PAST:
            refused = Refused(BUSY, "other streams are being moved here: try again later")
        if refused is not None:
            self._refuse(said, refused)
            return
        before = self.by_stream.get(join.stream)
        if before is not None and before.life == join.life:
            self._by_peer.pop(before.peer, None)
            before.peer, before.connection, before.heard_ns = said.peer, said.connection, said.received_ns
            seat, past = before, 0  # nothing is forgotten
        else:
            if before is not None:
                self._leave(before, "another has come in its place")
            other = self._by_peer.get(said.peer)
            if other is not None:
                self._leave(other, "its producer sends another stream")
            known = self._next_ids.setdefault(join.stream, 0)
            seat = self._new_seat(join.stream, said, join.life, known if join.first_id < 0 else join.first_id)
            seat.past_due, seat.handover = past, join.handover
            self.by_stream[join.stream] = seat
            log.info("'%s' has joined: %d streams", join.stream, len(self.by_stream))
        self._by_peer[said.peer] = seat
        self._intake.hold(said.connection, holds=True)
        self._intake.answer(said.peer, Joined(seat.first_id, past))

    def _past_wanted(self) -> int:
        """Of one more stream: as much as can be remembered soon."""
        seats = self.by_stream.values()
        return max(0, min(PAST, MOST_PAST - sum(max(len(seat.waiting), seat.past_due) for seat in seats)))

    def _leave(self, seat: Seat, why: str, moved: bool = False) -> None:
        self._gone(seat, moved or seat.handover)
        seat.forget_people()
        self._next_ids[seat.stream] = max(seat.next_id, self._next_ids[seat.stream])
        if seat in self._ask_primed:
            self._ask_primed.remove(seat)
        del self.by_stream[seat.stream]
        self._by_peer.pop(seat.peer, None)
        self._intake.hold(seat.connection, holds=False)
        log.info("'%s' has left, %s: %d streams", seat.stream, why, len(self.by_stream))

    def _receipt(self, seat: Seat) -> None:
        seat.taken = 0
        self._intake.answer(seat.peer, Receipt(seat.newest_seq))

    def _refuse(self, said: Said, refused: Refused) -> None:
        self._figures.refused(refused.code)
        self._intake.answer(said.peer, refused)
