"""The stream's source: poses, keypoints and status on a PUB socket, questions answered beside it (PROTOCOL.md)."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zmq

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns, to_unix_ns, unix_ns
from realtime.closing import Closing
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.keys.key_store import KeyStore
from realtime.server.answer import SKELETON_FIELDS, answer
from realtime.server.gate import Gate
from realtime.server.listening import Listening, most_connections, open_bound, reopen_bound
from realtime.server.published import Published
from realtime.server.serve import Service
from realtime.server.subscriptions import Subscriptions
from realtime.wire.encode import encode_keypoints, encode_pose, encode_status
from realtime.wire.endpoints import (
    DEFAULT_ADDRESS,
    DEFAULT_RPC_ADDRESS,
    KERNEL_BUFFER_BYTES,
    PUBLISH_HIGH_WATER,
    SETTLE_S,
    check_exposure,
    is_local,
    own_context,
)
from realtime.wire.framing import ENCODINGS, VERSION, WireError, topic

PATIENCE_MS = 2000  # for a reader that stands still, where readers are waited for
LAST_WORDS_MS = 200  # on close: time for the last frames to leave; only a reader that stands still uses it up

_LOOK_S = 0.02

log = logging.getLogger("realtime.publish")


class Publisher(Closing):
    """Publishes one or more streams; never waits for a subscriber. A context manager; `send` from one thread.

    Once a second each stream's status goes out by itself, also while nothing is sent.
    """

    def __init__(
        self, address: str = DEFAULT_ADDRESS, rpc_address: str | None = DEFAULT_RPC_ADDRESS,
        stream: str | None = "main", *, encoding: str = "msgpack", keys: KeyStore | Path | None = None,
        insecure: bool = False, high_water: int = PUBLISH_HIGH_WATER, patient: bool = False,
        fields: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`stream`: what is sent without a name; None: nothing is. `keys`: the directory of `realtime keys`; all peers
        must then be on its allow-list.

        `fields`: what the status of `stream` says from the beginning.

        `patient`: `send` waits for slow readers, so that they lose nothing; not for one that stands still.

        Raises UserError for an address that is taken, or that others can reach without keys and without `insecure`.
        """
        if encoding not in ENCODINGS:
            raise UserError(f"encoding '{encoding}' is none of {', '.join(ENCODINGS)}")
        for bound in filter(None, (address, rpc_address)):
            check_exposure(bound, keys is not None or insecure)
            if keys is None and not is_local(bound):
                log.warning("%s is open to everyone who can reach it: no keys, no encryption (--insecure)", bound)
        self.session = str(uuid.uuid4())
        self.stream, self.encoding, self.high_water = stream, encoding, high_water
        self._patient = patient
        self._versions = {"realtime": version("realtime-pose"), "zeromq": zmq.zmq_version()}
        self._streams: dict[str, Published] = {}
        self._lock = threading.Lock()  # the socket is used by `send` and by the beat
        with own_context() as self._context:
            self._gate = None if keys is None else Gate(self._context, _store(keys))
            most = most_connections()
            self._most = most if rpc_address is None else most - most // 4  # the rest may ask
            self._listening = self._open(address)
            self.address = self._listening.address
            self._subscriptions = Subscriptions()
            self._settled_ns = monotonic_ns() + int(SETTLE_S * NS_PER_S)
            self._service = Service(
                self._context, rpc_address, self._gate, answer=self._answer, beat=self._beat, reopen=self._reopen,
                published=lambda: self._listening, subscriptions=lambda: self._subscriptions, lock=self._lock,
                most=most // 4,
            )  # fmt: skip
            self.rpc_address = self._service.address
            if stream is not None:
                self._state(stream).told.update(fields or {})
        self._service.start()

    def close(self) -> None:
        """Says `stopped` on every stream that has not failed, and closes. May be called twice."""
        if self._listening.socket.closed:
            return
        self._service.stop()
        with self._lock:
            for name in self._talking():
                if self._streams[name].told.get("state") != "failed":
                    self._streams[name].told["state"] = "stopped"
                self._put_status(name, self._streams[name])
            self._listening.close(PATIENCE_MS if self._patient else LAST_WORDS_MS)
        self._context.term()

    # ---- listeners ----

    def settle(self) -> None:
        """Waits until all who were waiting on this machine when it opened are connected: they see the first frame."""
        threading.Event().wait(max(0, self._settled_ns - monotonic_ns()) / NS_PER_S)

    def wait_for_listener(self, timeout_s: float, stop: threading.Event) -> bool:
        """Until somebody listens (and who was waiting beside them), `stop` is set or the time is up: then False."""
        end_ns = monotonic_ns() + int(timeout_s * NS_PER_S)
        while not self._listened_to():
            if monotonic_ns() >= end_ns or stop.wait(_LOOK_S):
                return False
        self.settle()
        return True

    def _listened_to(self) -> bool:
        with self._lock:
            self._subscriptions.look(self._listening.socket)
            return self._subscriptions.any

    # ---- sending ----

    def send(
        self, frame: PoseFrame, *, engine: str = "", model: str = "", lookahead: int = 0, stream: str | None = None
    ) -> bool:
        """Publishes a frame; False (logged, counted in the status) where it holds numbers that are not finite."""
        return self._send(stream, lambda name, state: self._pose(frame, name, state, engine, model, lookahead))

    def send_keypoints(self, keypoints: Keypoints2D, *, stream: str | None = None) -> bool:
        """Publishes a frame's 2D keypoints on `keypoints2d/<stream>`; False as in `send`."""
        return self._send(stream, lambda name, state: self._keypoints(keypoints, name, state))

    def status(self, fields: Mapping[str, Any], *, stream: str | None = None) -> None:
        """What the stream's status says from now on, besides its own fields; a new `state` goes out at once.

        Fields: numbers, texts, booleans, lists and maps of them. Raises WireError for anything else.
        """
        name = self._name(stream)
        with self._lock:
            state = self._state(name)
            before = state.told.get("state")
            encode_status({**fields}, name, self.encoding)  # raises here, not in the beat
            state.resting = False
            state.told.update(fields)
            if state.told.get("state") != before:
                self._put_status(name, state)

    def rest(self, stream: str, *, silently: bool = False) -> None:
        """Says `stopped` on a stream, or nothing, and nothing more until it is used again; its `seq` then goes on."""
        with self._lock:
            state = self._state(stream)
            state.told = {"state": "stopped"}
            if not silently:
                self._put_status(stream, state)
            state.resting, state.told, state.about = True, {}, {}

    def forward(self, messages: Iterable[bytes]) -> None:
        """Whole messages of another publisher, to who has subscribed to them."""
        with self._lock:
            for message in messages:
                self._put(message)

    def wanted(self) -> set[bytes]:
        """The topics that somebody has subscribed to."""
        with self._lock:
            self._subscriptions.look(self._listening.socket)
            return self._subscriptions.wanted()

    def sent(self, stream: str | None = None) -> int:
        """Poses published on a stream so far: the `seq` of the next one."""
        state = self._streams.get(self._name(stream))
        return state.seq if state else 0

    def _send(self, stream: str | None, make: Callable[[str, Published], bytes]) -> bool:
        if not self._service.is_alive():
            raise RuntimeError("the publisher's service thread has ended")
        name = self._name(stream)
        with self._lock:
            state = self._state(name)
            state.resting = False
            try:
                message = make(name, state)
            except WireError as error:
                state.unsendable += 1
                if state.unsendable == 1:
                    log.warning("a frame of stream '%s' was not sent: %s", name, error)
                return False
            self._put(message)
        return True

    def _put(self, message: bytes) -> None:
        """With the lock held."""
        self._subscriptions.look(self._listening.socket)
        socket = self._listening.socket
        try:
            socket.send(message, 0 if self._patient else zmq.NOBLOCK)
        except zmq.Again:
            log.warning("%s: a reader stands still and is not waited for any more: it loses frames", self.address)
            self._patient = False
            socket.setsockopt(zmq.XPUB_NODROP, 0)
            socket.send(message, zmq.NOBLOCK)

    def _put_status(self, name: str, state: Published) -> None:
        self._put(encode_status(self._status(name, state), name, self.encoding))

    def _pose(
        self, frame: PoseFrame, name: str, state: Published, engine: str, model: str, lookahead: int
    ) -> bytes:
        message = encode_pose(
            frame, stream=name, session=self.session, seq=state.seq, t_capture_ns=state.captured(frame.stamp),
            t_publish_ns=unix_ns(), engine=engine, model=model, lookahead=lookahead, encoding=self.encoding,
        )  # fmt: skip
        state.seq += 1
        state.rate.tick(monotonic_ns())
        state.about = {
            "engine": engine, "model": model, "lookahead": lookahead, "dropped": frame.dropped,
            "space": frame.space, "scale": frame.scale, "floor": frame.floor, "calibration": frame.calibration,
        }  # fmt: skip
        return message

    def _keypoints(self, keypoints: Keypoints2D, name: str, state: Published) -> bytes:
        message = encode_keypoints(
            keypoints, stream=name, session=self.session, seq=state.keypoints_seq,
            t_capture_ns=state.captured(keypoints.stamp), t_detect_ns=to_unix_ns(keypoints.detected_ns),
            t_publish_ns=unix_ns(), encoding=self.encoding,
        )  # fmt: skip
        state.keypoints_seq += 1
        return message

    # ---- what the service thread calls ----

    def _beat(self) -> None:
        for name in list(self._streams):
            with self._lock:  # for each anew: of many streams no frame waits for all of them
                if not self._streams[name].resting:
                    self._put_status(name, self._streams[name])

    def _answer(self, request: bytes, received_ns: int) -> bytes:
        return answer(request, received_ns, self._hello, self._statuses)

    def _hello(self) -> dict[str, Any]:
        return {
            "session": self.session, "streams": self._talking(), "address": self.address,
            "encoding": self.encoding, "skeleton": SKELETON_FIELDS, "versions": self._versions,
        }  # fmt: skip

    def _statuses(self) -> dict[str, Any]:
        with self._lock:
            return {name: self._status(name, self._streams[name]) for name in self._talking()}

    def _reopen(self) -> None:
        with self._lock:
            self._listening = reopen_bound(self._listening, lambda: self._open(self.address))
            self._subscriptions = Subscriptions()

    # ---- inside ----

    def _open(self, address: str) -> Listening:
        gate, most = self._gate, self._most
        opened = open_bound(self._context, zmq.XPUB, address, gate, self.high_water, most, KERNEL_BUFFER_BYTES)
        opened.socket.setsockopt(zmq.XPUB_NODROP, int(self._patient))
        opened.socket.setsockopt(zmq.SNDTIMEO, PATIENCE_MS)
        return opened

    def _name(self, stream: str | None) -> str:
        name = self.stream if stream is None else stream
        if name is None:
            raise ValueError("this publisher has no stream of its own: name one")
        return name

    def _talking(self) -> list[str]:
        return [name for name, state in list(self._streams.items()) if not state.resting]

    def _state(self, stream: str) -> Published:
        if stream not in self._streams:
            topic("status", stream)  # raises WireError for a bad name
            self._streams[stream] = Published()
        return self._streams[stream]

    def _status(self, name: str, state: Published) -> dict[str, Any]:
        return {
            "state": "running" if state.seq else "starting", "fps": round(state.rate.recent(monotonic_ns()), 2),
            "unsendable": state.unsendable, **state.about, **state.told,
            "v": VERSION, "session": self.session, "stream": name, "seq": state.seq, "t_publish_ns": unix_ns(),
            "encoding": self.encoding, "skeleton": SKELETON_FIELDS, "versions": self._versions,
        }  # fmt: skip


def _store(keys: KeyStore | Path) -> KeyStore:
    return keys if isinstance(keys, KeyStore) else KeyStore(keys)
