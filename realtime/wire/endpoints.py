"""Addresses, and sockets with the options that PROTOCOL.md asks for."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET6, SOCK_STREAM, getaddrinfo

import zmq

from engines.errors import UserError
from realtime.wire.framing import MAX_MESSAGE_BYTES

DEFAULT_ADDRESS = "tcp://127.0.0.1:5556"
DEFAULT_RPC_ADDRESS = "tcp://127.0.0.1:5557"
PUBLISH_HIGH_WATER = 64  # messages held for one slow subscriber: two seconds at 30 Hz, then it loses frames
RECEIVE_HIGH_WATER = 1000
# What peers may send to the publisher; each covers the CURVE handshake (about 300 bytes).
MAX_REQUEST_BYTES = 4096
MAX_SUBSCRIPTION_BYTES = 512  # the longest topic has 77
# A peer whose network is gone is noticed by TCP itself, which asks where nothing comes and waits for receipts.
KEEP_ALIVE_S, KEEP_ALIVE_ASKED, UNRECEIPTED_MS = 2, 2, 15_000
RECONNECT_MS = 100  # up to twice that, however long a client has waited: what begins late loses nothing of its start
SETTLE_S = 0.3  # after binding: so late has a client come that was waiting on this machine
HANDSHAKE_MS = 5000
KERNEL_BUFFER_BYTES = 256 * 1024  # the default would hold minutes of frames for a reader that stands still
ZAP_DOMAIN = "realtime"
_OPEN_PORT = re.compile(r"tcp://.+:[0*]")


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client of a CURVE publisher needs, as Z85 texts of 40 characters."""

    public: str
    secret: str
    server: str

    @classmethod
    def load(cls, key_file: Path | str, server_key: Path | str) -> ClientKeys:
        """From the files `realtime keys new` writes; `server_key` may be the key itself. Raises UserError."""
        from realtime.keys.key_files import read_pair, read_public

        pair = read_pair(Path(key_file))
        return cls(pair.public, pair.secret, read_public(server_key))


def is_local(address: str) -> bool:
    """Whether only this machine can reach a bind address: loopback, ipc or inproc. Raises UserError on nonsense."""
    scheme, found, rest = address.partition("://")
    if not found or not rest or scheme not in ("tcp", "ipc", "inproc"):
        raise UserError(f"'{address}' is no address: use tcp://HOST:PORT, such as {DEFAULT_ADDRESS}")
    if scheme != "tcp":
        return True
    host = rest.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # *, an interface, a host name
        return False


def check_exposure(address: str, allowed: bool) -> None:
    """`allowed`: there are keys, or it is meant to be open. Raises UserError for what else others could reach."""
    if not is_local(address) and not allowed:
        raise UserError(
            f"{address} can be reached by other machines: make keys with 'realtime keys new server' and give their "
            "directory, or let everybody in with --insecure"
        )


def common_options(socket: zmq.Socket[bytes], address: str) -> None:
    """No ZMTP heartbeats: where a peer leaves while its messages wait for us, libzmq (4.3.5) pings what is no longer
    there and aborts the process (`stream_engine_base.cpp`, `!_io_error`)."""
    socket.linger = 0
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEP_ALIVE_S)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, KEEP_ALIVE_S)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, KEEP_ALIVE_ASKED)
    socket.setsockopt(zmq.TCP_MAXRT, UNRECEIPTED_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.IPV6, int(needs_ipv6(address)))


def needs_ipv6(address: str) -> bool:
    """Whether ZeroMQ must be allowed IPv6 to reach it. It would then take no other way to a host that has both."""
    if not address.startswith("tcp://"):
        return False
    host, _, port = address.removeprefix("tcp://").rpartition(";")[2].rpartition(":")
    if ":" in host:
        return True
    if host in ("*", "0.0.0.0", "localhost") or re.fullmatch(r"[\d.]+", host):
        return False
    try:
        found = getaddrinfo(host, int(port) if port.isdigit() else None, type=SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):  # not known (yet), or an interface's name
        return False
    return bool(found) and all(family == AF_INET6 for family, *_ in found)


def check_port(address: str, or_any: str = "") -> None:
    """Raises UserError for a port that there cannot be: libzmq takes what is left of it in 16 bits."""
    port = address.rpartition(":")[2]
    number = port.isascii() and port.isdigit() and int(port) <= 65535
    if address.startswith("tcp://") and not number and re.match(r"\s*[+-]?\s*\d", port):
        raise UserError(f"{address} has no such port: choose one from 1 to 65535{or_any}")


def bind(socket: zmq.Socket[bytes], address: str) -> str:
    """Binds and returns the address with the port that was taken. Raises UserError."""
    check_port(address, ", or * for any")
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise UserError(f"cannot listen at {address} ({error.strerror}): stop what uses it or name another") from error
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def with_port(address: str, port: int) -> str | None:
    """Another port of the same interface or host, 0 for any; None where there is no such."""
    found = address.startswith("tcp://") and 0 <= port <= 65535
    return f"{address.rpartition(':')[0]}:{port}" if found else None


def chosen(addresses: Sequence[str]) -> list[str]:
    """The addresses, with a free port each where they leave the choice open (0 or *). Raises UserError."""
    found = []
    with zmq.Context() as context, contextlib.ExitStack() as held:  # all at once, so that no two get the same
        for address in addresses:
            if _OPEN_PORT.fullmatch(address):
                socket = held.enter_context(context.socket(zmq.PUB))
                common_options(socket, address)
                address = bind(socket, address)
            found.append(address)
    return found


@contextlib.contextmanager
def own_context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """A context for whoever enters, ended again where what they open in it cannot be opened."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        yield context
    except BaseException:
        context.destroy(linger=0)
        raise


def _prepare(socket: zmq.Socket[bytes], address: str, keys: ClientKeys | None) -> None:
    common_options(socket, address)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    if keys is not None:
        socket.curve_publickey, socket.curve_secretkey = keys.public.encode(), keys.secret.encode()
        socket.curve_serverkey = keys.server.encode()


def connect(socket: zmq.Socket[bytes], address: str) -> None:
    """Raises UserError, with the socket closed."""
    try:
        check_port(address)
        socket.connect(address)
    except UserError:
        socket.close()
        raise
    except zmq.ZMQError as error:
        socket.close()
        raise UserError(f"cannot connect to '{address}': {error.strerror}: use tcp://HOST:PORT") from error


def open_subscriber(
    context: zmq.Context[zmq.Socket[bytes]], address: str, topics: Iterable[bytes], *, latest_only: bool = False,
    high_water: int = RECEIVE_HIGH_WATER, keys: ClientKeys | None = None,
) -> zmq.Socket[bytes]:  # fmt: skip
    """A SUB socket, not yet connected; with `latest_only` it holds the newest message alone (so: of one topic)."""
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, high_water)
    socket.setsockopt(zmq.RCVBUF, KERNEL_BUFFER_BYTES)
    socket.setsockopt(zmq.CONFLATE, int(latest_only))
    for topic in topics:
        socket.setsockopt(zmq.SUBSCRIBE, topic)
    _prepare(socket, address, keys)
    return socket


def connect_subscriber(
    context: zmq.Context[zmq.Socket[bytes]], address: str, topics: Iterable[bytes], *,
    high_water: int = RECEIVE_HIGH_WATER, keys: ClientKeys | None = None,
) -> zmq.Socket[bytes]:  # fmt: skip
    """A connected SUB socket for every message."""
    socket = open_subscriber(context, address, topics, high_water=high_water, keys=keys)
    connect(socket, address)
    return socket


def connect_request(
    context: zmq.Context[zmq.Socket[bytes]], address: str, keys: ClientKeys | None = None
) -> zmq.Socket[bytes]:
    """A REQ socket that may ask again although an answer got lost."""
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.REQ_RELAXED, 1)
    socket.setsockopt(zmq.REQ_CORRELATE, 1)
    _prepare(socket, address, keys)
    connect(socket, address)
    return socket


def open_dealer(
    context: zmq.Context[zmq.Socket[bytes]], address: str, high_water: int, keys: ClientKeys | None = None
) -> zmq.Socket[bytes]:  # fmt: skip
    """A DEALER socket, not yet connected, that takes nothing to send while it has no connection."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    _prepare(socket, address, keys)
    return socket
