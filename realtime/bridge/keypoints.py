"""The newest keypoints of a stream, for bridges that draw them over the picture."""

from __future__ import annotations

from realtime.client.reconnect import Reconnect
from realtime.closing import Closing
from realtime.wire.decode import keypoints_message
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context
from realtime.wire.framing import KEYPOINTS, WireError, decode_map, split, topic
from realtime.wire.messages import KeypointsMessage


class NewestKeypoints(Closing):
    """A subscriber for one thread. Raises UserError for an address, keys or a stream that cannot be used."""

    def __init__(self, address: str, stream: str, keys: ClientKeys | None = None) -> None:
        wanted = topic(KEYPOINTS, stream)
        with own_context() as self._context:
            self._socket = open_subscriber(self._context, address, [wanted], latest_only=True, keys=keys)
            self._reconnect = Reconnect(self._socket, address)  # connects

    def close(self) -> None:
        self._reconnect.close()
        self._context.destroy(linger=0)

    def __call__(self) -> KeypointsMessage | None:
        """What came since last asked, without waiting; None too where it breaks the protocol, as poses then tell."""
        if not self._socket.poll(0):
            self._reconnect.tend()
            return None
        try:
            _, stream, body = split(self._socket.recv())
            message = keypoints_message(stream, decode_map(body))
        except WireError:
            return None
        self._reconnect.arrived()
        return message
