"""Who gets in: CURVE authentication of the publisher's peers."""

from __future__ import annotations

import zmq
from zmq.utils import z85

from realtime.keys.key_files import KeyPair
from realtime.keys.key_store import SERVER, AllowList, KeyStore
from realtime.server.refusals import UNKNOWN, RefusalLog
from realtime.wire.endpoints import ZAP_DOMAIN


class Gate:
    """ZAP (ZeroMQ's authentication protocol, RFC 27) for one context. Used by one thread; made before any bind."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], store: KeyStore) -> None:
        self._pair: KeyPair = store.server()
        self.allowed = AllowList(store.allowed_path)
        self.refusals = RefusalLog()
        self._revoked = False
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind("inproc://zeromq.zap.01")

    def secure(self, socket: zmq.Socket[bytes]) -> None:
        """Before its bind: only peers with an allowed key may connect to this socket."""
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = self._pair.public.encode(), self._pair.secret.encode()
        socket.setsockopt_string(zmq.ZAP_DOMAIN, ZAP_DOMAIN)

    def revoked(self) -> bool:
        """Whether any key was revoked since this was last asked."""
        self._refresh()
        revoked, self._revoked = self._revoked, False
        return revoked

    def _refresh(self) -> None:
        if self.allowed.refresh():
            self._revoked = True

    def answer(self) -> None:
        """One authentication request; the allow-list is as new as the request."""
        frames = self.socket.recv_multipart()
        request_id = frames[1] if len(frames) > 1 else b""
        name = self._name(frames)
        status, reason = (b"200", b"OK") if name else (b"400", b"not allowed")
        self.socket.send_multipart([b"1.0", request_id, status, reason, (name or "").encode(), b""])

    def _name(self, frames: list[bytes]) -> str | None:
        if len(frames) != 7 or frames[0] != b"1.0" or frames[5] != b"CURVE" or len(frames[6]) != 32:
            self.refusals.refuse(UNKNOWN, "an authentication that is not CURVE")
            return None
        key = z85.encode(frames[6]).decode()
        self._refresh()
        name = SERVER if key == self._pair.public else self.allowed.name(key)  # a server of the same fleet is let in
        if name is None:
            self.refusals.refuse(frames[3].decode("latin-1"), f"its key {key} is not on the allow-list")
        return name

    def close(self) -> None:
        self.socket.close(linger=0)
