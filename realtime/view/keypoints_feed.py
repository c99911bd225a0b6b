"""The 2D keypoints of the stream, to be found by their frame: what is drawn over the source's picture."""

from __future__ import annotations

from collections import OrderedDict

import zmq

from realtime.client.reconnect import Reconnect
from realtime.clock import deadline_ns, monotonic_ns
from realtime.closing import Closing
from realtime.wire.decode import decode_keypoints
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context
from realtime.wire.framing import KEYPOINTS, WireError, topic
from realtime.wire.messages import KeypointsMessage

_KEPT = 20_000  # frames, as many as a film may be behind


class KeypointsFeed(Closing):
    """A subscriber of keypoints. Those of a frame come right behind its pose."""

    def __init__(self, address: str, stream: str, keys: ClientKeys | None = None) -> None:
        self._frames: OrderedDict[tuple[str, int], KeypointsMessage] = OrderedDict()
        with own_context() as self._context:
            self._socket = open_subscriber(
                self._context, address, [topic(KEYPOINTS, stream)], high_water=_KEPT, keys=keys
            )
            self._reconnect = Reconnect(self._socket, address)  # connects

    def of(self, session: str, frame_id: int, wait_s: float = 0.0) -> KeypointsMessage | None:
        """The keypoints of a frame, None where they do not come within `wait_s`. Those of frames before are let go."""
        end_ns = deadline_ns(wait_s) or 0
        wanted = (session, frame_id)
        while wanted not in self._frames:
            left_ms = max(0, (end_ns - monotonic_ns()) // 1_000_000)
            if not self._socket.poll(left_ms):
                self._reconnect.tend()
                return None
            self._take()
        while self._socket.poll(0):
            self._take()
        return self._frames[wanted]

    def forget(self, session: str, frame_id: int) -> None:
        """What is older than this frame is not asked for again."""
        while self._frames and next(iter(self._frames)) != (session, frame_id):
            first = next(iter(self._frames))
            if first[0] == session and first[1] > frame_id:
                return
            self._frames.popitem(last=False)

    def close(self) -> None:
        self._reconnect.close()
        self._context.destroy(linger=0)

    def _take(self) -> None:
        try:
            message = decode_keypoints(self._socket.recv(zmq.NOBLOCK))
        except WireError:  # the poses' subscriber counts and says such things
            return
        self._reconnect.arrived()
        self._frames[message.session, message.frame_id] = message
        if len(self._frames) > _KEPT:
            self._frames.popitem(last=False)
