"""The server's Unix clock against this machine's monotonic one, which nobody sets: of the last minute's exchanges the
quickest."""

from __future__ import annotations

from collections import deque

from realtime.clock import NS_PER_S
from realtime.wire.joining import Clock
from realtime.wire.messages import ClockOffset

_KEPT_NS = 60 * NS_PER_S
_SET_NS = NS_PER_S // 20  # further apart than two exchanges and a minute's drift can be: the server's clock was set
_FIRST, _FIRST_EVERY_NS, _EVERY_NS = 8, NS_PER_S // 10, 2 * NS_PER_S


class BestClock:
    """Fed with answers; says when to ask, and what is known."""

    def __init__(self) -> None:
        self._known: deque[tuple[int, ClockOffset]] = deque()  # when it was measured, monotonic
        self._asked, self._due_ns = 0, 0

    def due(self, now_ns: int) -> bool:
        """Whether it is time to ask; the next time is then set."""
        if now_ns < self._due_ns:
            return False
        self._asked += 1
        self._due_ns = now_ns + (_FIRST_EVERY_NS if self._asked <= _FIRST else _EVERY_NS)
        return True

    def answered(self, answer: Clock, now_ns: int) -> None:
        """An answer that came at `now_ns`; all times of this machine are monotonic."""
        served_ns = answer.t_send_ns - answer.t_receive_ns
        round_trip_ns = max(0, now_ns - answer.t_client_ns - served_ns)
        offset_ns = (answer.t_receive_ns - answer.t_client_ns + answer.t_send_ns - now_ns) // 2
        best = self.offset
        if best and abs(offset_ns - best.offset_ns) > (round_trip_ns + best.round_trip_ns) // 2 + _SET_NS:
            self._known.clear()
        self._known.append((now_ns, ClockOffset(offset_ns, round_trip_ns)))
        while now_ns - self._known[0][0] > _KEPT_NS:
            self._known.popleft()

    @property
    def offset(self) -> ClockOffset | None:
        """The server's Unix clock minus our monotonic one; None before the first answer."""
        return min((clock for _, clock in self._known), key=lambda clock: clock.round_trip_ns, default=None)

    def forget(self) -> None:
        """Another server, or one that was started anew: its clock is another."""
        self._known.clear()
        self._asked, self._due_ns = 0, 0
