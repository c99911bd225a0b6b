"""Sends one stream's keypoints to a server: joins, joins again, goes where it is sent, keeps the newest frames.

A server may send it to another one, and that one on to a third: it is then lifted by the old one until the new one
knows what was seen before. Where a server that it was sent to is gone it asks the first one anew.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from dataclasses import replace

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Keypoints2D
from realtime.process.states import RUNNING
from realtime.produce.connection import Connection
from realtime.wire.endpoints import ClientKeys, own_context
from realtime.wire.framing import WireError, topic
from realtime.wire.joining import (
    GONE_S,
    LASTING,
    PAST,
    UNKNOWN,
    WINDOW,
    Answer,
    Join,
    Joined,
    Moved,
    Primed,
    Refused,
)

KEPT = 2  # frames that wait here where the way is too slow
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0  # after a refusal
AWAY_S = 0.3  # without a connection: a server that it was sent to is gone
LOST_S = 2.0  # without a word: likewise; the first server is waited for
USEFUL_S = 10.0  # without a place: until then what is seen may still be remembered by a server
_HANDOVER_S = 10.0  # a move that takes longer is given up
_LAST_WORD_MS = 300

log = logging.getLogger("realtime.produce")


class Sender(Closing):
    """Never waits. For one thread, which calls `tend` several times a second, also while there is nothing to send."""

    def __init__(self, address: str, stream: str, keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address or keys that cannot be used, and for a bad stream name."""
        topic("keypoints2d", stream)
        self.address, self.stream = address, stream
        self.sent = self.left_out = 0
        self.moves = 0  # how often another server has taken over
        self._keys = keys
        self._state, self._why = RUNNING, ""
        self._seen: deque[Keypoints2D] = deque(maxlen=PAST)
        self._waiting: deque[Keypoints2D] = deque()
        self._next: Connection | None = None  # it takes over once it is primed
        self._next_until_ns = self._ready_ns = 0
        self._asked_primed = False
        self._wait_s = FIRST_WAIT_S
        self._said = ""  # the trouble that was last told of
        join = Join(stream, str(uuid.uuid4()), follows=True)
        with own_context() as self._context:
            self._at = Connection(self._context, address, join, keys)

    def close(self) -> None:
        if self._context.closed:
            return
        if self._next is not None:
            self._next.leave(moved=True)
        self._at.leave()
        self._context.destroy(linger=_LAST_WORD_MS)

    @property
    def joined(self) -> bool:
        return self._at.joined

    @property
    def ready(self) -> bool:
        """There is a place, and the clocks were compared: what is sent now arrives."""
        return self._at.ready

    @property
    def useful(self) -> bool:
        """Whether what is seen now is lifted, or may be remembered by whoever lifts what comes after it."""
        return self.ready or (self._ready_ns > 0 and monotonic_ns() - self._ready_ns < USEFUL_S * NS_PER_S)

    def send(self, keypoints: Keypoints2D) -> None:
        """Its newest frames wait while the server has not told of those on their way; the oldest is left out."""
        self._seen.append(keypoints)
        if self._next is not None and self._next.joined:
            self._next.past.append(keypoints)
        if not self.ready:
            if self.joined:  # it has asked for what was seen before: this belongs to it by now
                self._at.past.append(keypoints)
            self.left_out += 1
            return
        if len(self._waiting) == KEPT:
            self._waiting.popleft()
            self.left_out += 1
        self._waiting.append(keypoints)
        self._flush()

    def work(self, state: str, event: str = "") -> None:
        """How the source is: the stream's status says so."""
        self._state, self._why = state, event
        self._at.spoke_ns = 0  # at once

    def tend(self) -> None:
        """Reads answers, joins, pings. Raises UserError for a refusal that lasts."""
        self._hear()
        if self._at.address != self.address:
            if self._at.away_s > AWAY_S or self._at.silent_s > LOST_S:
                self._go_home()
        elif self._at.silent_s > GONE_S:
            self._trouble("does not answer: trying again, Ctrl-C ends it")
            self._lose()
        self._at.tend(self._state, self._why)
        if self._next is not None:
            self._tend_next(self._next)
        self._flush()

    # ---- the server that lifts ----

    def _hear(self) -> None:
        at = self._at
        try:
            for answer in at.hear():
                self._take(answer)
                if at is not self._at:
                    return
        except WireError as error:
            if isinstance(error, UserError):  # another version
                raise
            self._trouble("sends what is no answer of this protocol: is 'realtime serve' running there?")

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Joined):
            self._at.received, self._said, self._wait_s = self.sent - 1, "", FIRST_WAIT_S
            self._at.past = list(self._seen)[-answer.past :] if answer.past > 0 else []
            log.info("sending '%s' to %s: keypoints alone, no pictures", self.stream, self._at.address)
        elif isinstance(answer, Moved):
            self._follow(answer.address)
        elif not isinstance(answer, Refused):
            return
        elif answer.code in LASTING:
            raise UserError(f"{self._at.address} refuses: {answer.message}")
        elif answer.code == UNKNOWN:
            self._lose()
        else:
            self._trouble(f"refuses: {answer.message}; trying again, Ctrl-C ends it")
            if self._at.address != self.address:
                self._go(self.address, replace(self._at.join, lost=self._at.address, handover=False))
            self._lose(self._wait_s)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _follow(self, address: str) -> None:
        try:
            if not self._at.joined:  # a place there, none here
                self._go(address, replace(self._at.join, lost="", handover=False))
            elif self._next is None:
                join = replace(self._at.join, lost="", handover=True)
                self._next, self._asked_primed = Connection(self._context, address, join, self._keys), False
                self._next_until_ns = monotonic_ns() + int(_HANDOVER_S * NS_PER_S)
        except UserError as error:
            self._trouble(f"sends it to where it cannot go: {error}")

    def _go_home(self) -> None:
        """Whoever it was sent to is gone: the first server knows another."""
        if self._next is not None and self._next.ready and self._asked_primed:  # which was about to take over
            self._take_over(self._next)
            return
        self._drop_next()
        log.info("%s is gone: asking %s", self._at.address, self.address)
        self._lose()
        self._go(self.address, replace(self._at.join, lost=self._at.address, handover=False))

    def _go(self, address: str, join: Join) -> None:
        before, self._at = self._at, Connection(self._context, address, join, self._keys)
        before.close()

    def _lose(self, wait_s: float = 0.0) -> None:
        """What has not been sent is sent as the past, to whoever gives it a place."""
        self.left_out += len(self._waiting)
        self._waiting.clear()
        if self._at.joined or wait_s:
            self._at.lose(wait_s)

    def _flush(self) -> None:
        at = self._at
        if not at.ready:
            return
        self._ready_ns = monotonic_ns()
        at.send_past(self.sent)
        while self._waiting and not at.past and self.sent - 1 - at.received < WINDOW:
            counted = replace(self._waiting[0], dropped=self._waiting[0].dropped + self.left_out)
            if not at.send(counted, self.sent):
                return
            self._waiting.popleft()
            self.sent += 1
            at.spoke_ns = max(at.spoke_ns, monotonic_ns()) if self._state == RUNNING else at.spoke_ns

    # ---- the server that is to go on ----

    def _tend_next(self, then: Connection) -> None:
        """It joins, is sent what was seen before, and takes over once it has remembered that."""
        try:
            for answer in then.hear():
                if isinstance(answer, Joined):
                    then.past = list(self._seen)[-answer.past :] if answer.past > 0 else []
                elif isinstance(answer, Primed):
                    self._take_over(then)
                    return
                elif isinstance(answer, Refused | Moved):
                    self._drop_next()
                    return
        except WireError:
            self._drop_next()
            return
        then.tend(self._state, self._why)
        then.send_past(self.sent)
        if then.ready and not then.past and not self._asked_primed:
            self._asked_primed = then.say(Primed())
        if monotonic_ns() > self._next_until_ns or then.silent_s > LOST_S:
            self._drop_next()

    def _take_over(self, then: Connection) -> None:
        before, self._at, self._next = self._at, then, None
        then.received = self.sent - 1
        before.leave(moved=True)
        self.moves += 1
        log.info("'%s' is lifted at %s now", self.stream, then.address)

    def _drop_next(self) -> None:
        """A move that fails leaves everything as it was."""
        if self._next is not None:
            self._next.leave(moved=True)
            self._next = None

    def _trouble(self, what: str) -> None:
        if what != self._said:
            self._said = what
            log.warning("%s %s", self._at.address, what)
