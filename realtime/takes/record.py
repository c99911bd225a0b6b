"""The recorder: an ordinary subscriber that writes what it gets to a recording."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from engines.errors import UserError
from realtime.client.reconnect import Reconnect
from realtime.clock import deadline_ns, monotonic_ns, unix_ns
from realtime.takes.take import FLUSH_S, Recorded, TakeWriter
from realtime.wire.decode import check
from realtime.wire.endpoints import ClientKeys, open_subscriber
from realtime.wire.framing import KEYPOINTS, KINDS, POSE, STATUS, Fields, WireError, decode_map, split, topic

HIGH_WATER = 10_000  # a slow disk may hold the recorder up for minutes

log = logging.getLogger("realtime.record")


@dataclass(slots=True)
class RecordSummary:
    """What was recorded: counts of messages."""

    poses: int = 0
    keypoints: int = 0
    missed: int = 0  # lost on the way to the recorder
    invalid: int = 0
    waited: bool = False  # nobody was there at first, so that what came began after us
    _last: dict[tuple[str, str, str], int] = field(default_factory=dict)  # (kind, stream, session) -> seq

    @property
    def frames(self) -> int:
        return self.poses + self.keypoints

    def count(self, kind: str, stream: str, fields: Fields) -> None:
        if kind not in (POSE, KEYPOINTS):
            return
        key, seq = (kind, stream, fields["session"]), fields["seq"]
        began = self.waited or any(known[:2] == key[:2] for known in self._last)  # after us
        self.missed += max(0, seq - self._last.get(key, -1 if began else seq - 1) - 1)
        self._last[key] = seq
        self.poses += kind == POSE
        self.keypoints += kind == KEYPOINTS


def record(
    address: str, path: Path, *, stream: str | None = None, seconds: float | None = None, frames: int | None = None,
    overwrite: bool = False, keys: ClientKeys | None = None, stop: threading.Event | None = None,
    ready: Callable[[], None] = lambda: None,
) -> RecordSummary:  # fmt: skip
    """Records all streams, or one, until `seconds` or `frames` poses have passed or `stop` is set.

    The first frame begins the file: where none comes, what was there before stays.
    Raises UserError where the file cannot be written.
    """
    topics = [b""] if stream is None else [topic(kind, stream) for kind in KINDS]
    summary, stop = RecordSummary(), stop or threading.Event()
    end_ns = deadline_ns(seconds)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        with TakeWriter(path, overwrite=overwrite) as take:
            socket = open_subscriber(context, address, topics, high_water=HIGH_WATER, keys=keys)
            reconnect = Reconnect(socket, address)
            ready()
            while not stop.is_set() and (end_ns is None or monotonic_ns() < end_ns):
                if socket.poll(int(FLUSH_S * 1000)):
                    summary.waited = summary.waited or (not summary.frames and reconnect.retries > 0)
                    _keep(socket.recv(), take, summary)
                    reconnect.arrived()
                else:
                    reconnect.tend()
                take.flush_when_due()
                if summary.poses == frames:
                    break
            reconnect.close()
    finally:
        context.destroy(linger=0)
    return summary


def _keep(raw: bytes, take: TakeWriter, summary: RecordSummary) -> None:
    """Checks a message whole, so that what is in the file can be replayed, and writes it."""
    try:
        kind, stream, body = split(raw)
        fields = decode_map(body)
        check(kind, stream, fields)
        if kind == STATUS and not summary.frames:
            return
        take.add(Recorded(kind, stream, unix_ns(), fields))
    except WireError as error:
        summary.invalid += 1
        if summary.invalid == 1:
            log.warning("a message was not recorded: %s", error)
        return
    summary.count(kind, stream, fields)


def record_until_signal(
    address: str, path: Path, *, stream: str | None, seconds: float | None, overwrite: bool, keys: ClientKeys | None
) -> None:
    """The command: records until Ctrl-C or SIGTERM, and says what it has. Raises UserError where nothing came."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    summary = record(
        address, path, stream=stream, seconds=seconds, overwrite=overwrite, keys=keys, stop=stop,
        ready=lambda: log.info("recording %s to %s: Ctrl-C ends it", address, path),
    )  # fmt: skip
    log.info(
        "%d poses, %d keypoint frames, %d missed, %d damaged",
        summary.poses, summary.keypoints, summary.missed, summary.invalid,
    )  # fmt: skip
    if summary.frames == 0:
        raise UserError(f"no frames came from {address}: is 'realtime run' running? {path} was not written")
