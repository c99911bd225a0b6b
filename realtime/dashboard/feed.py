"""A stream's poses and status as `Facts`, read without waiting."""

from __future__ import annotations

from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.dashboard.facts import Facts
from realtime.wire.endpoints import ClientKeys

_STATUS_OLD_NS = 3 * NS_PER_S  # it comes once a second
_MOST = 1000  # messages in one go: one that is flooded goes on drawing


class Feed(Closing):
    """Two sockets of one stream. A context manager; for one thread at a time."""

    def __init__(self, address: str, stream: str = "main", keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address, a name or keys that cannot be used."""
        self.address, self.stream = address, stream
        self.facts = Facts(monotonic_ns())
        self._status = StatusListener(address, stream, keys)
        try:
            self._poses = Subscriber(address, stream, keys=keys)
        except BaseException:
            self._status.close()
            raise

    def close(self) -> None:
        self._poses.close()
        self._status.close()

    def read(self) -> Facts:
        """All that has come since. Raises VersionError for a publisher of another version."""
        before = self._poses.received
        try:
            while self._poses.received - before < _MOST:
                self.facts.pose(self._poses.receive(0), monotonic_ns())
        except StreamTimeoutError:
            newest = self._poses.latest()  # which looks after the connection as well
            if newest is not None and newest is not self.facts.message:
                self.facts.pose(newest, monotonic_ns())
        status, now_ns = self._status.latest(), monotonic_ns()
        old = now_ns - self._status.received_ns > _STATUS_OLD_NS
        self.facts.tick(self._poses.rate_hz, None if old else status, now_ns)
        return self.facts
