"""The gate answers ZeroMQ's own authentication requests: what is asked of it, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from realtime.keys.key_files import read_public
from realtime.keys.key_store import KeyStore
from realtime.server.gate import Gate

WAIT_MS = 60_000


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    made = KeyStore(tmp_path)
    for name in ("server", "laptop"):
        made.new(name)
    return made


class Asking:
    """libzmq's side of the request (RFC 27)."""

    def __init__(self, store: KeyStore) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.gate = Gate(self._context, store)
        self._socket = self._context.socket(zmq.REQ)
        self._socket.connect("inproc://zeromq.zap.01")

    def status(self, key: bytes, version: bytes = b"1.0", mechanism: bytes = b"CURVE", more: int = 0) -> bytes:
        frames = [version, b"7", b"realtime", b"127.0.0.1", b"", mechanism, key, *[b""] * more]
        self._socket.send_multipart(frames)
        assert self.gate.socket.poll(WAIT_MS)
        self.gate.answer()
        assert self._socket.poll(WAIT_MS)
        answer = self._socket.recv_multipart()
        assert answer[:2] == [b"1.0", b"7"]
        return answer[2]

    def close(self) -> None:
        self.gate.close()
        self._context.destroy(linger=0)


@pytest.fixture
def asking(store: KeyStore) -> Iterator[Asking]:
    opened = Asking(store)
    yield opened
    opened.close()


def test_a_key_is_as_long_as_a_key(asking: Asking, store: KeyStore) -> None:
    key = z85.decode(store.allow("laptop"))
    assert asking.status(key) == b"200"
    for other in (b"", key[:-1], key + b"\0", key[:-4], key + key[:4], key + key):
        assert asking.status(other) == b"400"


def test_the_allow_list_is_as_new_as_the_request(asking: Asking, store: KeyStore) -> None:
    key = z85.decode(store.allow("laptop"))
    assert asking.status(key) == b"200"
    store.revoke("laptop")
    assert asking.status(key) == b"400"
    store.allow("laptop")
    assert asking.status(key) == b"200"
    assert asking.gate.revoked()  # which a request has seen, and is told all the same: once
    assert not asking.gate.revoked()


def test_what_is_not_curve_is_refused(asking: Asking, store: KeyStore) -> None:
    key = z85.decode(store.allow("laptop"))
    assert asking.status(key, mechanism=b"PLAIN") == b"400"
    assert asking.status(key, version=b"2.0") == b"400"
    assert asking.status(key, more=1) == b"400"


def test_who_is_refused_is_told_to_the_log(asking: Asking, store: KeyStore, caplog: pytest.LogCaptureFixture) -> None:
    stranger = z85.decode(read_public(store.new("stranger").with_suffix(".key")))
    asking.status(stranger)
    assert "is not on the allow-list" in caplog.text
    assert "127.0.0.1" in caplog.text
    asking.status(stranger, mechanism=b"PLAIN")
    assert "an authentication that is not CURVE" in caplog.text
