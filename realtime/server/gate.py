"""Who gets in: CURVE authentication of the publisher's peers, and the log of those refused (once a peer)."""

from __future__ import annotations

import logging
import os
import socket as sockets

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from realtime.keys.key_files import KeyPair
from realtime.keys.key_store import AllowList, KeyStore
from realtime.wire.endpoints import ZAP_DOMAIN

_REFUSALS_REMEMBERED = 1024
_EVENTS = (
    zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
)  # fmt: skip

UNKNOWN = "a peer"  # gone before its address could be asked for

log = logging.getLogger("realtime.gate")


class RefusalLog:
    """Logs each peer's refusal once. A peer is an address and a reason: a port changes with every attempt."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def refuse(self, peer: str, reason: str) -> None:
        if peer != UNKNOWN and (UNKNOWN, reason) in self._seen:  # it came back, and now its address is known
            self._seen -= {(UNKNOWN, reason)}
            self._seen.add((peer, reason))
        known = (peer, reason) in self._seen or (peer == UNKNOWN and any(reason == seen for _, seen in self._seen))
        if known or len(self._seen) >= _REFUSALS_REMEMBERED:
            return
        self._seen.add((peer, reason))
        log.warning("refused %s: %s", peer, reason)
        if len(self._seen) == _REFUSALS_REMEMBERED:
            log.warning("%d refusals logged: further ones are not", _REFUSALS_REMEMBERED)


class Gate:
    """ZAP (ZeroMQ's authentication protocol, RFC 27) for one context. Used by one thread; made before any bind."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], store: KeyStore) -> None:
        self._pair: KeyPair = store.server()
        self.allowed = AllowList(store.allowed_path)
        self._refusals = RefusalLog()
        self._revoked = False
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind("inproc://zeromq.zap.01")

    def secure(self, socket: zmq.Socket[bytes]) -> None:
        """Before its bind: only peers with an allowed key may connect to this socket."""
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = self._pair.public.encode(), self._pair.secret.encode()
        socket.setsockopt_string(zmq.ZAP_DOMAIN, ZAP_DOMAIN)

    def watch(self, socket: zmq.Socket[bytes]) -> Doorkeeper:
        return Doorkeeper(socket, self._refusals)

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
            self._refusals.refuse(UNKNOWN, "an authentication that is not CURVE")
            return None
        key = z85.encode(frames[6]).decode()
        self._refresh()
        name = self.allowed.name(key)
        if name is None:
            self._refusals.refuse(frames[3].decode("latin-1"), f"its key {key} is not on the allow-list")
        return name

    def close(self) -> None:
        self.socket.close(linger=0)


class Doorkeeper:
    """Tells of peers that fail before authentication: no CURVE at all, or meant for another server's key."""

    def __init__(self, socket: zmq.Socket[bytes], refusals: RefusalLog) -> None:
        self._watched, self._refusals = socket, refusals
        self.socket = socket.get_monitor_socket(_EVENTS)
        self._peers: dict[int, str] = {}  # file descriptor -> address
        self._failed = False

    def look(self) -> None:
        """Reads the events that wait. A failed handshake names no peer, but its disconnection, which follows, does."""
        while self.socket.poll(0):
            event = parse_monitor_message(self.socket.recv_multipart())
            if event["event"] == zmq.EVENT_ACCEPTED:
                self._peers[event["value"]] = _peer_address(event["value"])
            elif event["event"] == zmq.EVENT_DISCONNECTED:
                peer = self._peers.pop(event["value"], UNKNOWN)
                if self._failed:
                    self._refusals.refuse(peer, "it speaks no CURVE, or has another server's key")
                self._failed = False
            else:
                self._failed = True

    def close(self) -> None:
        self._watched.disable_monitor()
        self.socket.close(linger=0)


def _peer_address(descriptor: int) -> str:
    """The address at the other end of libzmq's connection, through a copy of its descriptor."""
    try:
        with sockets.socket(fileno=os.dup(descriptor)) as connection:
            name = connection.getpeername()
    except OSError:
        return UNKNOWN
    return str(name[0]) if isinstance(name, tuple) else "a local peer"
