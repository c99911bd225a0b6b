"""A look at libzmq's own connections, by their descriptors, which may be closed and be others at any moment."""

from __future__ import annotations

import contextlib
import os
import socket as sockets
import struct
from collections.abc import Iterator

import zmq

_LINUX_RECEIVED = struct.Struct("<Q"), 128  # tcpi_bytes_received in struct tcp_info


class Copier:
    """Copies of descriptors, one at a time, in a place that is set aside: also where no other can be had."""

    def __init__(self) -> None:
        self._nothing = os.open(os.devnull, os.O_RDONLY)
        self._place = os.dup(self._nothing)

    @contextlib.contextmanager
    def copy(self, fd: int) -> Iterator[sockets.socket]:
        """The connection as a socket, whatever happens to `fd` meanwhile. Raises OSError where it is none."""
        os.dup2(fd, self._place, inheritable=False)
        try:
            connection = sockets.socket(fileno=self._place)
            try:
                yield connection
            finally:
                connection.detach()
        finally:
            os.dup2(self._nothing, self._place, inheritable=False)

    def close(self) -> None:
        os.close(self._place)
        os.close(self._nothing)


def received_bytes(connection: sockets.socket) -> int:
    """Since the connection began; 0 where the system does not say: Linux alone does, and of TCP alone."""
    layout, offset = _LINUX_RECEIVED
    try:
        told = connection.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, offset + layout.size)
    except OSError:
        return 0
    return int(layout.unpack_from(told, offset)[0]) if len(told) >= offset + layout.size else 0


def descriptor_of(frame: zmq.Frame) -> int:
    """Of the connection that a message came by; -1 of a peer that has gone."""
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return -1
