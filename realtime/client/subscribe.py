"""The Python client: `for message in subscribe(): ...`. Needs numpy, pyzmq and msgpack, nothing else heavy."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import zmq

from realtime.client.reconnect import Reconnect
from realtime.clock import NS_PER_S, deadline_ns, monotonic_ns, unix_ns
from realtime.closing import Closing
from realtime.wire.decode import pose_message
from realtime.wire.endpoints import DEFAULT_ADDRESS, RECEIVE_HIGH_WATER, ClientKeys, open_subscriber, own_context
from realtime.wire.fields import check_version, integer, text
from realtime.wire.framing import POSE, VersionError, WireError, decode_map, split, topic
from realtime.wire.messages import PoseMessage

if TYPE_CHECKING:
    from realtime.client.compare_clocks import ClockWatch

ALIVE_S = 1.0  # nothing for this long: the stream is not alive
TEND_MS = 500  # how often, while nothing comes, to see whether the publisher refuses us
RATE_WINDOW = 30  # messages over which the publisher's rate is measured

log = logging.getLogger("realtime.subscribe")


class StreamTimeoutError(TimeoutError):
    """Nothing arrived in time."""


class Subscriber(Closing):
    """One stream's poses. A context manager and an iterator, plain and asyncio; for one thread at a time.

    Reconnects by itself, for ever. Messages that break the protocol are skipped, counted in `invalid` and logged once
    a kind; a publisher of another schema version raises VersionError.
    """

    def __init__(
        self, address: str = DEFAULT_ADDRESS, stream: str = "main", *, latest_only: bool = False,
        timeout_s: float | None = None, keys: ClientKeys | None = None, min_rate_hz: float = 10.0,
        high_water: int = RECEIVE_HIGH_WATER, rpc_address: str | None = None,
    ) -> None:  # fmt: skip
        """`latest_only`: a slow reader gets the newest frame; else every frame, `high_water` of them held back.

        `rpc_address`: the clocks are compared there, so that messages tell their latency to this program.

        Raises UserError for an address or keys that cannot be used, WireError for a bad stream name.
        """
        self.address, self.stream, self.timeout_s, self.min_rate_hz = address, stream, timeout_s, min_rate_hz
        self.received = self.gaps = self.sessions = self.invalid = 0  # gaps: messages missed, all in all
        self._session, self._seq = "", -1
        self._newest: PoseMessage | None = None
        self._received_ns = 0  # monotonic
        # (seq, t_publish_ns, received, monotonic) of this session
        self._published: deque[tuple[int, int, int]] = deque(maxlen=RATE_WINDOW)
        self._told: set[str] = set()
        with own_context() as self._context:
            self._socket = open_subscriber(
                self._context, address, [topic(POSE, stream)], latest_only=latest_only, high_water=high_water, keys=keys
            )
            self._reconnect = Reconnect(self._socket, address)  # connects
            self._clock = None if rpc_address is None else _watch_clock(rpc_address, keys)

    def close(self) -> None:
        if self._socket.closed:
            return
        self._reconnect.close()
        self._context.destroy(linger=0)
        if self._clock is not None:
            self._clock.close()

    # ---- receiving ----

    def receive(self, timeout_s: float | None = None) -> PoseMessage:
        """The next message; `timeout_s` None waits for ever. Raises StreamTimeoutError, VersionError."""
        end_ns = deadline_ns(timeout_s)
        while True:
            left_ms = TEND_MS if end_ns is None else max(0, min(TEND_MS, (end_ns - monotonic_ns()) // 1_000_000))
            if self._socket.poll(left_ms):
                message = self._take(self._socket.recv(zmq.NOBLOCK))
                if message is not None:
                    return message
            elif end_ns is not None and monotonic_ns() >= end_ns:
                raise self._silence(timeout_s)
            else:
                self._reconnect.tend()

    def latest(self) -> PoseMessage | None:
        """The newest message so far, without waiting: None before the first, the same one again where none is new."""
        while self._socket.poll(0):
            self._take(self._socket.recv(zmq.NOBLOCK))
        self._reconnect.tend()
        return self._newest

    def __iter__(self) -> Subscriber:
        return self

    def __next__(self) -> PoseMessage:
        """Waits `timeout_s`, as given to the constructor. Raises StreamTimeoutError; never ends by itself."""
        return self.receive(self.timeout_s)

    async def __aiter__(self) -> AsyncIterator[PoseMessage]:
        """`async for message in subscriber`, in any loop with `add_reader`. Raises StreamTimeoutError, VersionError."""
        while True:
            await self._readable()
            message = self._take(self._socket.recv(zmq.NOBLOCK))
            if message is not None:
                yield message

    async def _readable(self) -> None:
        """Until a message waits. ZeroMQ's descriptor tells of changes only: what it means, polling the socket tells."""
        import asyncio

        loop, end_ns = asyncio.get_running_loop(), deadline_ns(self.timeout_s)
        await asyncio.sleep(0)  # also where messages wait: the loop has other tasks
        while not self._socket.poll(0):
            changed = asyncio.Event()
            loop.add_reader(self._socket.fileno(), changed.set)
            left_s = TEND_MS / 1000 if end_ns is None else max(0, end_ns - monotonic_ns()) / NS_PER_S
            try:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(TEND_MS / 1000, left_s))
            finally:  # also where the task is cancelled: the loop would watch a dead descriptor
                loop.remove_reader(self._socket.fileno())
            if end_ns is not None and monotonic_ns() >= end_ns and not self._socket.poll(0):
                raise self._silence(self.timeout_s)
            self._reconnect.tend()

    # ---- freshness ----

    @property
    def alive(self) -> bool:
        """Whether a message came within the last second (or waits to be read)."""
        return bool(self._socket.poll(0)) or (
            self.received > 0 and monotonic_ns() - self._received_ns < ALIVE_S * NS_PER_S
        )

    @property
    def rate_hz(self) -> float:
        """The publisher's own rate over its last messages, whatever part of them was read; 0 when unknown.

        Where the publisher's clock was set it is measured anew.
        """
        if len(self._published) < 2:
            return 0.0
        (first, first_ns, _), (last, last_ns, _) = self._published[0], self._published[-1]
        return (last - first) * NS_PER_S / max(1, last_ns - first_ns)

    @property
    def rate_ok(self) -> bool:
        """Whether the stream is alive at `min_rate_hz` or more."""
        return self.alive and self.rate_hz >= self.min_rate_hz

    # ---- one raw message ----

    def _take(self, raw: bytes) -> PoseMessage | None:
        t_receive_ns, self._received_ns = unix_ns(), monotonic_ns()
        try:
            kind, stream, body = split(raw)
            if kind != POSE or stream != self.stream:
                raise WireError("a topic that was not asked for")
            fields = decode_map(body, refuse_bytes=False)
            check_version(fields)
            session, seq = text(fields, "session"), integer(fields, "seq")
            fresh = session != self._session
            last = self._before(seq) if fresh else self._seq
            gap = max(0, seq - last - 1)
            clock = self._clock.offset if self._clock else None
            message = pose_message(
                stream, fields, t_receive_ns=t_receive_ns, gap=gap, new_session=fresh, clock=clock
            )
        except VersionError:
            raise
        except WireError as error:
            self._skip(error)
            return None
        self._reconnect.arrived()
        if fresh:
            self._published.clear()
            self._session, self.sessions = session, self.sessions + 1
        self._seq, self.gaps, self.received, self._newest = seq, self.gaps + gap, self.received + 1, message
        if self._was_set(message.t_publish_ns):
            self._published.clear()
        self._published.append((seq, message.t_publish_ns, self._received_ns))
        return message

    def _was_set(self, t_publish_ns: int) -> bool:
        """Whether the publisher's clock was, since the message before: it goes back, or further on than ours."""
        if not self._published:
            return False
        _, before_ns, came_ns = self._published[-1]
        return not 0 <= t_publish_ns - before_ns <= self._received_ns - came_ns + int(ALIVE_S * NS_PER_S)

    def _before(self, seq: int) -> int:
        """What a session's first message follows: the session's beginning, where it began after we did."""
        return -1 if self.sessions or self._reconnect.retries else seq - 1

    def _silence(self, timeout_s: float | None) -> StreamTimeoutError:
        return StreamTimeoutError(f"no pose on stream '{self.stream}' from {self.address} within {timeout_s:g} s")

    def _skip(self, error: WireError) -> None:
        self.invalid += 1
        if len(self._told) < 32 and str(error) not in self._told:
            self._told.add(str(error))
            log.warning("skipped a message from %s: %s", self.address, error)


def _watch_clock(rpc_address: str, keys: ClientKeys | None) -> ClockWatch:
    from realtime.client.compare_clocks import ClockWatch

    return ClockWatch(rpc_address, keys)


def subscribe(
    address: str = DEFAULT_ADDRESS, stream: str = "main", latest_only: bool = False, timeout_s: float | None = None,
    **options: Any,
) -> Subscriber:  # fmt: skip
    """Subscribes: `for message in subscribe(): print(message.persons)`. The options are those of Subscriber."""
    return Subscriber(address, stream, latest_only=latest_only, timeout_s=timeout_s, **options)
