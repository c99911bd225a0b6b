"""What a producer and a server of keypoints say to each other: section 9 of PROTOCOL.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime.wire.decode import check_version, integer, text
from realtime.wire.framing import MAX_TEXT, VERSION, Fields, WireError, decode_map, encode_map

DEFAULT_INTAKE = "tcp://127.0.0.1:5558"
ACK_EVERY = 8  # frames of a stream between two receipts
WINDOW = 30  # frames on their way: beyond, a producer keeps its newest and drops its oldest
PING_S = 0.5  # a producer with nothing to send says so this often
GONE_S = 3.0  # either side silent for so long is gone

# Why a producer is refused. With the lasting ones it ends, with the others it tries again.
FULL, BUSY, TAKEN, UNKNOWN = "full", "busy", "taken", "unknown"
NAME, VERSION_CODE, MALFORMED = "name", "version", "malformed"
LASTING = (NAME, VERSION_CODE)


@dataclass(frozen=True, slots=True)
class Join:
    """A producer asks for a place. `life`: another for every start of a producer."""

    stream: str
    life: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A producer is there, and so is its source: `state` and `why` as in the status."""

    state: str
    why: str


@dataclass(frozen=True, slots=True)
class AskClock:
    t_client_ns: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A producer's last word."""


def encode_request(request: Join | Ping | AskClock | Leave) -> bytes:
    fields: dict[str, Any]
    if isinstance(request, Join):
        fields = {"op": "join", "stream": request.stream, "life": request.life}
    elif isinstance(request, Ping):
        fields = {"op": "ping", "state": request.state, "why": request.why[:MAX_TEXT]}
    elif isinstance(request, AskClock):
        fields = {"op": "clock", "t_client_ns": request.t_client_ns}
    else:
        fields = {"op": "leave"}
    return encode_map({"v": VERSION, **fields})


def decode_request(body: bytes) -> Join | Ping | AskClock | Leave:
    """Raises WireError, VersionError."""
    fields = decode_map(body)
    check_version(fields)
    operation = fields.get("op")
    if operation == "join":
        return Join(text(fields, "stream"), text(fields, "life"))
    if operation == "ping":
        return Ping(text(fields, "state"), text(fields, "why"))
    if operation == "clock":
        return AskClock(integer(fields, "t_client_ns"))
    if operation == "leave":
        return Leave()
    raise WireError(f"{operation!r:.40} is none of join, ping, clock, leave")


@dataclass(frozen=True, slots=True)
class Joined:
    """There is a place."""


@dataclass(frozen=True, slots=True)
class Refused:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The newest frame that was taken, by its `seq`; -1 before the first."""

    seq: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The stamps of PROTOCOL.md, section 6."""

    t_client_ns: int
    t_receive_ns: int
    t_send_ns: int


def encode_answer(answer: Joined | Refused | Receipt | Clock) -> bytes:
    fields: dict[str, Any]
    if isinstance(answer, Joined):
        fields = {"op": "joined"}
    elif isinstance(answer, Refused):
        fields = {"op": "refused", "code": answer.code, "message": answer.message[:MAX_TEXT]}
    elif isinstance(answer, Receipt):
        fields = {"op": "receipt", "seq": answer.seq}
    else:
        times = {"t_client_ns": answer.t_client_ns, "t_receive_ns": answer.t_receive_ns, "t_send_ns": answer.t_send_ns}
        fields = {"op": "clock", **times}
    return encode_map({"v": VERSION, **fields})


def decode_answer(body: bytes) -> Joined | Refused | Receipt | Clock:
    """Raises WireError, VersionError."""
    fields: Fields = decode_map(body)
    check_version(fields)
    operation = fields.get("op")
    if operation == "joined":
        return Joined()
    if operation == "refused":
        return Refused(text(fields, "code"), text(fields, "message"))
    if operation == "receipt":
        return Receipt(integer(fields, "seq", -1))
    if operation == "clock":
        return Clock(*(integer(fields, name) for name in ("t_client_ns", "t_receive_ns", "t_send_ns")))
    raise WireError(f"{operation!r:.40} is no answer of this protocol")
