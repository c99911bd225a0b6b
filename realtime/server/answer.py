"""Answers to hello, clock and status: the server's side of the request socket in PROTOCOL.md."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from engines.models.skeleton import JOINT_NAMES, PARENTS
from realtime.clock import unix_ns
from realtime.wire.decode import integer
from realtime.wire.framing import SKELETON, VERSION, WireError, decode_map, encode_map

RATE_HZ, BURST = 100.0, 100.0  # requests of one peer
_PEERS_REMEMBERED = 1024
SKELETON_FIELDS: dict[str, Any] = {"name": SKELETON, "joints": list(JOINT_NAMES), "parents": list(PARENTS)}


class RateLimit:
    """A token bucket for each peer, for the newest thousand of them."""

    def __init__(self, rate_hz: float = RATE_HZ, burst: float = BURST) -> None:
        self._rate_hz, self._burst = rate_hz, burst
        self._peers: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # -> (tokens, since)

    def take(self, peer: bytes, now_s: float) -> bool:
        tokens, since_s = self._peers.pop(peer, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - since_s) * self._rate_hz)
        self._peers[peer] = (max(0.0, tokens - 1), now_s)
        if len(self._peers) > _PEERS_REMEMBERED:
            self._peers.popitem(last=False)
        return tokens >= 1


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
