"""The stream's status said by the supervisor, too: it goes on while the publisher is killed, stopped or being started.

On a port of its own, which the publisher's status names: subscribers listen at both (`client/status.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from realtime.closing import Closing
from realtime.config import StreamConfig
from realtime.server.publish import Publisher


class Herald(Closing):
    """`update` as often as there may be news. Closing it says `stopped`."""

    def __init__(self, stream: StreamConfig) -> None:
        """Raises UserError for an address that is taken."""
        self._states: dict[str, dict[str, object]] = {}
        self._publisher = None if stream.status_address is None else Publisher(
            stream.status_address, None, stream.name, encoding=stream.encoding, keys=stream.keys,
            insecure=stream.insecure,
        )  # fmt: skip

    def update(self, states: Mapping[str, dict[str, object]]) -> None:
        """Of each stream by its name: `state`, `why`, `processes` and so on, as `stream_state` gives them."""
        if self._publisher is None:
            return
        for stream, state in states.items():
            if state != self._states.get(stream):
                self._publisher.status(state, stream=stream)
                self._states[stream] = state

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
