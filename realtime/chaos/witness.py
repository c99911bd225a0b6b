"""What a subscriber sees while faults are done: gaps, order, sessions, latencies, and what the status says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import unix_ns
from realtime.closing import Closing
from realtime.process.states import DEGRADED, RUNNING
from realtime.wire.messages import PoseMessage

FRESH = 10  # poses of pictures taken after a fault, until it counts as over
_TICK_S = 0.02


@dataclass(slots=True)
class Seen:
    """Since the last `mark`. Times in ms after it."""

    since_ns: int
    longest_gap_ms: float = 0.0
    missed: int = 0  # messages, by their numbers
    sessions: int = 0  # new ones
    states: list[tuple[str, float]] = field(default_factory=list)  # what the status said, and when


class Witness(Closing):
    """An ordinary subscriber on a thread of its own. A context manager."""

    def __init__(self, address: str, stream: str, *, by_arrival: bool = False) -> None:
        """`by_arrival`: pictures are as old as a recording; what counts is when their poses arrive, in
        the order of their own numbers: a recording that begins again repeats its pictures'."""
        self._by_arrival = by_arrival
        self._poses, self._status = Subscriber(address, stream), StatusListener(address, stream)
        self.seen = Seen(unix_ns())
        self.out_of_order = self.twice = self.invalid = 0
        self.latencies: list[tuple[int, float]] = []  # (Unix ns of arrival, ms from grab to here), fresh poses only
        self._newest: PoseMessage | None = None
        self._arrived_ns, self._state = 0, ""
        self._fresh_after_ns, self._fresh = 0, 0
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="witness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._poses.close()
        self._status.close()

    def mark(self) -> None:
        """From now on is seen anew. What the status says already is its first word."""
        with self._lock:
            self.seen = Seen(unix_ns(), states=[(self._state, 0.0)] if self._state else [])

    def recovered(self, after_ns: int, timeout_s: float) -> bool:
        """Waits for FRESH poses of pictures taken after `after_ns` (Unix), in a stream that says it runs."""
        with self._lock:
            self._fresh_after_ns, self._fresh = after_ns, 0
            return self._lock.wait_for(
                lambda: self._fresh >= FRESH and self._state in (RUNNING, DEGRADED), timeout_s
            )

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                message = self._poses.receive(_TICK_S)
            except StreamTimeoutError:
                message = None
            status = self._status.latest()
            with self._lock:
                if message is not None:
                    self._hear(message)
                if status is not None and status["state"] != self._state:
                    self._state = str(status["state"])
                    self.seen.states.append((self._state, (unix_ns() - self.seen.since_ns) / 1e6))
                self.invalid = self._poses.invalid
                self._lock.notify_all()

    def _hear(self, message: PoseMessage) -> None:
        seen, last = self.seen, self._newest
        now_ns = message.t_receive_ns
        if last is not None:
            seen.longest_gap_ms = max(seen.longest_gap_ms, (now_ns - self._arrived_ns) / 1e6)
            seen.sessions += message.new_session
            number, before = (message.seq, last.seq) if self._by_arrival else (message.frame_id, last.frame_id)
            again = self._by_arrival and message.new_session
            self.twice += number == before and not again
            self.out_of_order += number < before and not again
        seen.missed += message.gap
        self._newest, self._arrived_ns = message, now_ns
        if any(not person.held for person in message.persons):
            self.latencies.append((now_ns, (now_ns - message.t_capture_ns) / 1e6))
            self._fresh += (now_ns if self._by_arrival else message.t_capture_ns) > self._fresh_after_ns
