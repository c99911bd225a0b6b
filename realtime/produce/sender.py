"""Sends one stream's keypoints to a server: joins, joins again, keeps the newest where the way is too slow."""

from __future__ import annotations

import logging
import uuid
from collections import deque
from dataclasses import replace

import zmq

from engines.errors import UserError
from realtime.client.reconnect import Reconnect
from realtime.clock import NS_PER_S, monotonic_ns, to_unix_ns, unix_ns
from realtime.closing import Closing
from realtime.contracts import Keypoints2D
from realtime.process.states import RUNNING
from realtime.produce.best_clock import BestClock
from realtime.wire.encode import encode_keypoints
from realtime.wire.endpoints import ClientKeys, open_dealer, own_context
from realtime.wire.framing import WireError, topic
from realtime.wire.joining import (
    GONE_S,
    LASTING,
    PING_S,
    UNKNOWN,
    WINDOW,
    AskClock,
    Clock,
    Join,
    Joined,
    Leave,
    Ping,
    Receipt,
    Refused,
    decode_answer,
    encode_request,
)

KEPT = 2  # frames that wait here where the way is too slow
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0  # after a refusal
_LAST_WORD_MS = 300

log = logging.getLogger("realtime.produce")


class Sender(Closing):
    """Never waits. For one thread, which calls `tend` several times a second, also while there is nothing to send."""

    def __init__(self, address: str, stream: str, keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address or keys that cannot be used, and for a bad stream name."""
        topic("keypoints2d", stream)
        self.address, self.stream = address, stream
        self.sent = self.left_out = 0
        self.joined = False
        self._life = str(uuid.uuid4())
        self._state, self._why = RUNNING, ""
        self._clock = BestClock()
        self._waiting: deque[Keypoints2D] = deque()
        self._received = -1  # the newest seq the server has told of
        self._heard_ns = self._spoke_ns = monotonic_ns()
        self._join_ns, self._wait_s = 0, FIRST_WAIT_S
        self._said = ""  # the trouble that was last told of
        with own_context() as self._context:
            self._socket = open_dealer(self._context, address, WINDOW, keys)
            self._reconnect = Reconnect(self._socket, address)  # connects

    def close(self) -> None:
        if self._socket.closed:
            return
        self._say(Leave())
        self._reconnect.close()
        self._context.destroy(linger=_LAST_WORD_MS)

    @property
    def ready(self) -> bool:
        """There is a place, and the clocks were compared: what is sent now arrives."""
        return self.joined and self._clock.offset is not None

    def send(self, keypoints: Keypoints2D) -> None:
        """Its newest frames wait while the server has not told of those on their way; the oldest is left out."""
        if len(self._waiting) == KEPT:
            self._waiting.popleft()
            self.left_out += 1
        self._waiting.append(keypoints)
        self._flush()

    def work(self, state: str, event: str = "") -> None:
        """How the source is: the stream's status says so."""
        self._state, self._why = state, event
        self._spoke_ns = 0  # at once

    def tend(self) -> None:
        """Reads answers, joins, pings. Raises UserError for a refusal that lasts."""
        while self._socket.poll(0):
            try:
                self._take(decode_answer(self._socket.recv(zmq.NOBLOCK)))
            except WireError as error:
                if isinstance(error, UserError):  # another version
                    raise
                self._trouble("sends what is no answer of this protocol: is 'realtime serve' running there?")
        self._reconnect.tend()
        now_ns = monotonic_ns()
        if now_ns - self._heard_ns > GONE_S * NS_PER_S:
            self._trouble("does not answer: trying again, Ctrl-C ends it")
            self._lose()
        if not self.joined and now_ns >= self._join_ns:
            self._join_ns = now_ns + NS_PER_S
            self._say(Join(self.stream, self._life))
        if self.joined and self._clock.due(now_ns):
            self._say(AskClock(unix_ns()))
        if self.joined and now_ns - self._spoke_ns > PING_S * NS_PER_S:
            self._spoke_ns = now_ns
            self._say(Ping(self._state, self._why))
        self._flush()

    def _take(self, answer: Joined | Refused | Receipt | Clock) -> None:
        self._heard_ns = monotonic_ns()
        self._reconnect.arrived()
        if isinstance(answer, Receipt):
            self._received = max(self._received, answer.seq)
        elif isinstance(answer, Clock):
            self._clock.answered(answer, unix_ns(), self._heard_ns)
        elif isinstance(answer, Joined):
            if not self.joined:
                log.info("sending '%s' to %s: keypoints alone, no pictures", self.stream, self.address)
            self.joined, self._received, self._said, self._wait_s = True, self.sent - 1, "", FIRST_WAIT_S
            self._spoke_ns = 0
        elif answer.code in LASTING:
            raise UserError(f"{self.address} refuses: {answer.message}")
        elif answer.code == UNKNOWN:
            self._lose()
        else:
            self._trouble(f"refuses: {answer.message}; trying again, Ctrl-C ends it")
            self._lose()
            self._heard_ns = self._join_ns = self._heard_ns + int(self._wait_s * NS_PER_S)  # silence counts from then
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _lose(self) -> None:
        if self.joined:
            self.joined, self._join_ns = False, 0
            self._clock.forget()
            self.left_out += len(self._waiting)
            self._waiting.clear()

    def _flush(self) -> None:
        while self._waiting and self.ready and self.sent - 1 - self._received < WINDOW:
            try:
                self._socket.send(self._message(self._waiting[0]), zmq.NOBLOCK)
            except zmq.Again:
                return
            self._waiting.popleft()
            self.sent += 1
            self._spoke_ns = max(self._spoke_ns, monotonic_ns()) if self._state == RUNNING else self._spoke_ns

    def _message(self, keypoints: Keypoints2D) -> bytes:
        clock = self._clock.offset
        assert clock is not None
        counted = replace(keypoints, dropped=keypoints.dropped + self.left_out)
        return encode_keypoints(
            counted, stream=self.stream, session=self._life, seq=self.sent,
            t_capture_ns=to_unix_ns(keypoints.stamp.capture_ns) + clock.offset_ns,
            t_detect_ns=to_unix_ns(keypoints.detected_ns) + clock.offset_ns, t_publish_ns=unix_ns() + clock.offset_ns,
        )  # fmt: skip

    def _say(self, request: Join | Ping | AskClock | Leave) -> None:
        try:
            self._socket.send(encode_request(request), zmq.NOBLOCK)
        except zmq.Again:  # nobody is connected
            log.debug("%s was not sent", type(request).__name__)

    def _trouble(self, what: str) -> None:
        if what != self._said:
            self._said = what
            log.warning("%s %s", self.address, what)
