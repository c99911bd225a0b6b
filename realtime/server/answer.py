"""Answers to hello, clock and status: the server's side of the request socket in PROTOCOL.md."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from engines.models.skeleton import JOINT_NAMES, PARENTS
from realtime.clock import unix_ns
from realtime.wire.fields import integer
from realtime.wire.framing import SKELETON, VERSION, WireError, decode_map, encode_map

RATE_HZ, BURST = 100.0, 100.0  # requests of one peer
ALL_HZ = 1000.0  # of all peers together
FLOOD = 1000.0  # requests beyond its rate after which a peer is sent away
_PEERS_REMEMBERED = 1024
SKELETON_FIELDS: dict[str, Any] = {"name": SKELETON, "joints": list(JOINT_NAMES), "parents": list(PARENTS)}


class Asked(Enum):
    """How a request comes by what its peer, and all peers, have asked before."""

    IN_TIME = auto()
    TOO_SOON = auto()  # the peer is told
    DROPPED = auto()  # there are so many that telling would cost too much
    FLOOD = auto()  # so far beyond its rate that the peer is sent away


class RateLimit:
    """A token bucket for each peer, for the newest thousand of them, and one for all. A peer may fall into debt."""

    def __init__(self, rate_hz: float = RATE_HZ, burst: float = BURST, all_hz: float = ALL_HZ) -> None:
        self._rate_hz, self._burst, self._all_hz = rate_hz, burst, all_hz
        self._peers: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # -> (tokens, since)
        self._all, self._told, self._since_s = all_hz, all_hz, 0.0  # answers left, refusals left

    def take(self, peer: bytes, now_s: float) -> Asked:
        tokens, since_s = self._peers.pop(peer, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - since_s) * self._rate_hz)
        self._peers[peer] = (max(-FLOOD, tokens - 1), now_s)
        if len(self._peers) > _PEERS_REMEMBERED:
            self._peers.popitem(last=False)
        if tokens <= 1 - FLOOD:
            return Asked.FLOOD
        return self._of_all(tokens >= 1, now_s)

    def _of_all(self, in_time: bool, now_s: float) -> Asked:
        earned = max(0.0, now_s - self._since_s) * self._all_hz
        self._since_s = now_s
        self._all, self._told = min(self._all_hz, self._all + earned), min(self._all_hz, self._told + earned)
        if in_time and self._all >= 1:
            self._all -= 1
            return Asked.IN_TIME
        if self._told >= 1:
            self._told -= 1
            return Asked.TOO_SOON
        return Asked.DROPPED


def answer(
    request: bytes, received_ns: int, hello: Callable[[], Mapping[str, Any]], status: Callable[[], Mapping[str, Any]]
) -> bytes:
    """The answer to one request, in the encoding of the request. Never raises for what a peer sent."""
    encoding = encoding_of(request)
    try:
        fields = decode_map(request)
    except WireError as error:
        return failure("malformed", str(error), encoding)
    operation, version = fields.get("op"), fields.get("v", VERSION)
    if version != VERSION:
        return failure("version", f"this publisher speaks version {VERSION}, not {version!r:.20}", encoding)
    if operation == "clock":
        try:
            echo = integer(fields, "t_client_ns")
        except WireError as error:
            return failure("malformed", str(error), encoding)
        times = {"t_client_ns": echo, "t_receive_ns": received_ns, "t_send_ns": unix_ns()}
        return encode_map({"v": VERSION, "op": "clock", **times}, encoding)
    if operation == "hello":
        return encode_map({"v": VERSION, "op": "hello", **hello()}, encoding)
    if operation == "status":
        return encode_map({"v": VERSION, "op": "status", "streams": status()}, encoding)
    return failure("op", f"{operation!r:.40} is none of hello, clock, status", encoding)


def encoding_of(request: bytes) -> str:
    return "json" if request[:1] == b"{" else "msgpack"


def failure(code: str, message: str, encoding: str = "msgpack") -> bytes:
    return encode_map({"v": VERSION, "error": {"code": code, "message": message}}, encoding)
