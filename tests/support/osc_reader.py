"""OSC 1.0 by its specification, and a socket that collects what comes: nothing of the library that sends."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from typing import Any

Message = tuple[str, list[Any]]


def decode_packet(packet: bytes) -> list[Message]:
    """A message, or a bundle's messages in their order."""
    assert len(packet) % 4 == 0
    if not packet.startswith(b"#bundle\0"):
        return [_message(packet)]
    out: list[Message] = []
    at = 16  # after the time tag
    while at < len(packet):
        (size,) = struct.unpack_from(">i", packet, at)
        out += decode_packet(packet[at + 4 : at + 4 + size])
        at += 4 + size
    assert at == len(packet)
    return out


def _message(packet: bytes) -> Message:
    address, at = _text(packet, 0)
    tags, at = _text(packet, at)
    assert address.startswith("/")
    assert tags.startswith(",")
    values: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = _text(packet, at)
        else:
            (value,) = struct.unpack_from({"i": ">i", "f": ">f"}[tag], packet, at)
            at += 4
        values.append(value)
    assert at == len(packet)
    return address, values


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode("ascii"), end + 4 - end % 4


class OscReceiver:
    """Listens on a free port; `packets` are those so far."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[bytes] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def __enter__(self) -> OscReceiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def messages(self) -> list[Message]:
        return [message for packet in list(self.packets) for message in decode_packet(packet)]

    def _receive(self) -> None:
        while packet := self._socket.recv(65536):
            self.packets.append(packet)
