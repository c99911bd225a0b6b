"""The stream's status said by the supervisor, too: it goes on while the publisher is killed, stopped or being started.

On a port of its own, which the publisher's status names: subscribers listen at both (`client/status.py`).
"""

from __future__ import annotations

from realtime.closing import Closing
from realtime.config import StreamConfig
from realtime.pipeline.stream_state import stream_state
from realtime.server.publish import Publisher
from realtime.session.supervisor import Supervisor


class Herald(Closing):
    """`update` as often as there may be news. Closing it says `stopped`."""

    def __init__(self, stream: StreamConfig) -> None:
        """Raises UserError for an address that is taken."""
        self._state: dict[str, object] = {}
        self._publisher = None if stream.status_address is None else Publisher(
            stream.status_address, None, stream.name, encoding=stream.encoding, keys=stream.keys,
            insecure=stream.insecure,
        )  # fmt: skip

    def update(self, supervisor: Supervisor) -> None:
        state = stream_state(supervisor.board.conditions(), supervisor.board.published)
        if self._publisher is not None and state != self._state:
            self._publisher.status(state)
            self._state = state

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
