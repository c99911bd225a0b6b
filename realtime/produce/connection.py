"""One server that a producer speaks to: a place there, both clocks, receipts, and whether it still answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import zmq

from realtime.client.reconnect import Reconnect
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Keypoints2D
from realtime.produce.best_clock import BestClock
from realtime.wire.encode import encode_keypoints
from realtime.wire.endpoints import ClientKeys, open_dealer
from realtime.wire.joining import (
    PAST,
    PING_S,
    WINDOW,
    Answer,
    AskClock,
    Clock,
    Join,
    Joined,
    Leave,
    Ping,
    Receipt,
    Request,
    decode_answer,
    encode_request,
)

_HELD = PAST + 2 * WINDOW  # what was seen before goes out at once
_LAST_WORD_MS = 300


class Connection(Closing):
    """Never waits. `hear` and `tend` are to be called several times a second."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], address: str, join: Join, keys: ClientKeys | None
    ) -> None:  # fmt: skip
        """Raises UserError for an address or keys that cannot be used."""
        self.address, self.join = address, join
        self.joined = False
        self.received = -1  # the newest seq that the server has told of
        self.past: list[Keypoints2D] = []  # what it is to remember, yet to be sent
        self._clock = BestClock()
        self._join_ns = self._asked_ns = 0
        self.heard_ns = self.spoke_ns = monotonic_ns()
        self._socket = open_dealer(context, address, _HELD, keys)
        self._reconnect = Reconnect(self._socket, address)  # connects

    def close(self) -> None:
        """What was said last still goes out."""
        if not self._socket.closed:
            self._reconnect.close()
            self._socket.close(linger=_LAST_WORD_MS)

    @property
    def ready(self) -> bool:
        """There is a place, and the clocks were compared: what is sent now arrives."""
        return self.joined and self._clock.offset is not None

    @property
    def away_s(self) -> float:
        """How long there has been no connection; 0 where there is one."""
        return self._reconnect.away_s

    @property
    def silent_s(self) -> float:
        return (monotonic_ns() - self.heard_ns) / NS_PER_S

    def hear(self) -> Iterator[Answer]:
        """What has come. Raises WireError for what is no answer."""
        while not self._socket.closed and self._socket.poll(0):
            answer = decode_answer(self._socket.recv(zmq.NOBLOCK))
            self.heard_ns = monotonic_ns()
            self._reconnect.arrived()
            if isinstance(answer, Receipt):
                self.received = max(self.received, answer.seq)
            elif isinstance(answer, Clock):
                self._clock.answered(answer, self.heard_ns)
            elif isinstance(answer, Joined):
                if self.joined:  # it had asked twice
                    continue
                self.joined, self.spoke_ns = True, 0
                self.join = replace(self.join, first_id=max(answer.first_id, -1))
            yield answer

    def tend(self, state: str, why: str) -> None:
        """Joins, asks for the time, pings where nothing was said or heard for a while."""
        self._reconnect.tend()
        now_ns, pause_ns = monotonic_ns(), int(PING_S * NS_PER_S)
        if not self.joined:
            if now_ns >= self._join_ns and self.say(self.join):
                self._join_ns = now_ns + NS_PER_S
            return
        if self._clock.due(now_ns):
            self.say(AskClock(now_ns))
        if now_ns - self.spoke_ns > pause_ns or now_ns - max(self.heard_ns, self._asked_ns) > pause_ns:
            self.spoke_ns = self._asked_ns = now_ns
            self.say(Ping(state, why))

    def lose(self, wait_s: float = 0.0) -> None:
        """There is no place any more: another is asked for after `wait_s`, and the silence until then is no fault."""
        self.joined = False
        self.past.clear()
        self._clock.forget()
        self._join_ns = monotonic_ns() + int(wait_s * NS_PER_S)
        self.heard_ns = max(self.heard_ns, self._join_ns)

    def send_past(self, seq: int) -> None:
        """As much as the connection takes of what is to be remembered; no receipts are given for it."""
        sent = 0
        for keypoints in self.past if self.ready else ():
            if not self._put(self._message(keypoints, seq, past=True)):
                break
            sent += 1
        del self.past[:sent]

    def send(self, keypoints: Keypoints2D, seq: int) -> bool:
        """False where the connection takes nothing now."""
        return self._put(self._message(keypoints, seq, past=False))

    def say(self, request: Request) -> bool:
        return self._put(encode_request(request))

    def leave(self, moved: bool = False) -> None:
        self.say(Leave(moved))
        self.close()

    def _put(self, message: bytes) -> bool:
        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:  # nobody is connected, or the way is full
            return False
        return True

    def _message(self, keypoints: Keypoints2D, seq: int, past: bool) -> bytes:
        clock = self._clock.offset
        assert clock is not None
        return encode_keypoints(
            keypoints, stream=self.join.stream, session=self.join.life, seq=seq,
            t_capture_ns=keypoints.stamp.capture_ns + clock.offset_ns,
            t_detect_ns=keypoints.detected_ns + clock.offset_ns,
            t_publish_ns=monotonic_ns() + clock.offset_ns, past=past,
        )  # fmt: skip
