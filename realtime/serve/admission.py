"""Who may send a stream: the name's owner, while there is room and time for one more."""

from __future__ import annotations

from collections.abc import Mapping

from realtime.clock import NS_PER_S
from realtime.serve.seat import Seat
from realtime.wire.framing import StreamNameError, topic
from realtime.wire.joining import BUSY, FULL, NAME, TAKEN, Join, Refused

SILENT_NS = NS_PER_S  # a producer silent for so long may have been killed: another may take its place
MOST_NAMES = 100_000  # of each the counts are kept


def may_send(key: str, stream: str) -> bool:
    """With keys: the key allowed as NAME sends the stream NAME, and all that begin with NAME and a dot."""
    return not key or stream == key or stream.startswith(f"{key}.")


class Admission:
    """The rules alone; the seats are another's."""

    def __init__(self, streams: int, most_busy: float, own: str = "") -> None:
        """`own`: the name of a stream that the server makes itself."""
        self._streams, self._most_busy, self._own = streams, most_busy, own

    def refuses(
        self, join: Join, key: str, seats: Mapping[str, Seat], names: int, busy: float, now_ns: int
    ) -> Refused | None:  # fmt: skip
        """Why there is no place; None: there is one. `seats`: by stream; `names`: streams known since the start."""
        try:
            topic("pose3d", join.stream)
        except StreamNameError as error:
            return Refused(NAME, str(error))
        if not may_send(key, join.stream):
            return Refused(NAME, f"the key '{key}' may send the stream '{key}' and those that begin with '{key}.', "
                                 f"not '{join.stream}': choose such a name with --stream")  # fmt: skip
        if join.stream == self._own:
            return Refused(NAME, f"the stream '{join.stream}' is the one that is fused of all cameras: choose another "
                                 "name with --stream")  # fmt: skip
        holder = seats.get(join.stream)
        if holder is not None:
            return self._held(join, holder, now_ns)
        if len(seats) >= self._streams:
            return Refused(FULL, f"all {self._streams} places are taken: wait for one, or choose another server")
        if names >= MOST_NAMES:
            return Refused(FULL, f"{names} names of streams were in use since the server began: restart it")
        if busy > self._most_busy:
            return Refused(BUSY, f"the server works {busy:.0%} of the time, and one more would make all wait: "
                                 "choose another server")  # fmt: skip
        return None

    def _held(self, join: Join, holder: Seat, now_ns: int) -> Refused | None:
        """The same producer by a new connection, or the next one after a silence, takes the place over."""
        if holder.life == join.life or not holder.peer or now_ns - holder.heard_ns > SILENT_NS:
            return None
        return Refused(TAKEN, f"another producer sends the stream '{join.stream}': choose another name with --stream")
