"""Asks a publisher for hello, clock and status: the client's side of the request socket in PROTOCOL.md."""

from __future__ import annotations

from typing import Any

import zmq

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.wire.endpoints import ClientKeys, connect_request, own_context
from realtime.wire.framing import VERSION, Fields, WireError, decode_map, encode_map


class RpcClient(Closing):
    """Asks a publisher. A context manager; for one thread at a time."""

    def __init__(self, address: str, keys: ClientKeys | None = None) -> None:
        self.address, self._keys = address, keys
        with own_context() as self._context:
            self._socket = connect_request(self._context, address, keys)

    def close(self) -> None:
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
