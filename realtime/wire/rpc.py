"""The request socket of PROTOCOL.md: hello, clock and status; its server side and its client side."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import zmq

from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES, PARENTS
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.wire.decode import integer
from realtime.wire.endpoints import ClientKeys, connect_request
from realtime.wire.framing import SKELETON, VERSION, Fields, WireError, decode_map, encode_map

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


class RpcClient:
    """Asks a publisher. A context manager; for one thread at a time."""

    def __init__(self, address: str, keys: ClientKeys | None = None) -> None:
        self.address, self._keys = address, keys
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = connect_request(self._context, address, keys)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def __enter__(self) -> RpcClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self._context.destroy(linger=0)

    def ask(self, operation: str, timeout_s: float = 2.0, **fields: Any) -> Fields:
        """One request. Raises UserError where nobody answers in time, WireError for an answer that is an error."""
        end_ns = monotonic_ns() + int(timeout_s * NS_PER_S)
        request = encode_map({"v": VERSION, "op": operation, **fields})
        # A connection that was refused is gone for good, and a send on it would wait for ever.
        if self._socket.poll(int(timeout_s * 1000), zmq.POLLOUT):
            self._socket.send(request, zmq.NOBLOCK)
        if not self._socket.poll(max(0, end_ns - monotonic_ns()) // 1_000_000):
            self._socket.close(linger=0)
            self._socket = connect_request(self._context, self.address, self._keys)
            raise UserError(f"no answer from {self.address} within {timeout_s:g} s: is 'realtime run' running there?")
        reply = decode_map(self._socket.recv())
        error = reply.get("error")
        if type(error) is dict:
            raise WireError(f"{self.address} refused '{operation}': {str(error.get('message'))[:200]}")
        return reply
