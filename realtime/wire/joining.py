"""What a producer and a server of keypoints say to each other: section 9 of PROTOCOL.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime.wire.fields import check_version, flag, integer, text
from realtime.wire.framing import MAX_TEXT, VERSION, Fields, WireError, decode_map, encode_map

DEFAULT_INTAKE = "tcp://127.0.0.1:5558"
ACK_EVERY = 8  # frames of a stream between two receipts
WINDOW = 30  # frames on their way: beyond, a producer keeps its newest and drops its oldest
PING_S = 0.5  # a producer with nothing to send, or that hears nothing, says so this often
GONE_S = 3.0  # either side silent for so long is gone

PAST = 512  # frames of what was seen before: more than the model remembers
MOST_FIRST_ID = 2**62

# Why a producer is refused. With the lasting ones it ends, with the others it tries again.
FULL, BUSY, TAKEN, UNKNOWN = "full", "busy", "taken", "unknown"
NAME, VERSION_CODE, MALFORMED = "name", "version", "malformed"
LASTING = (NAME, VERSION_CODE)


@dataclass(frozen=True, slots=True)
class Join:
    """A producer asks for a place. `life`: another for every start of a producer."""

    stream: str
    life: str
    follows: bool = False  # it goes where `Moved` says, and can send what it has seen before
    lost: str = ""  # the server it was moved to, and could not be lifted by
    first_id: int = -1  # where the ids of its people began at the server before; -1: there was none
    handover: bool = False  # another server lifts it meanwhile


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
    """A producer's last word. `moved`: another server goes on with its stream."""

    moved: bool = False


@dataclass(frozen=True, slots=True)
class Primed:
    """Asked, and answered once everything that was sent before has been lifted."""


Request = Join | Ping | AskClock | Leave | Primed


def encode_request(request: Request) -> bytes:
    fields: dict[str, Any]
    if isinstance(request, Join):
        fields = {
            "op": "join", "stream": request.stream, "life": request.life, "follows": request.follows,
            "lost": request.lost, "handover": request.handover,
        }  # fmt: skip
        if request.first_id >= 0:
            fields["first_id"] = request.first_id
    elif isinstance(request, Ping):
        fields = {"op": "ping", "state": request.state, "why": request.why[:MAX_TEXT]}
    elif isinstance(request, AskClock):
        fields = {"op": "clock", "t_client_ns": request.t_client_ns}
    elif isinstance(request, Primed):
        fields = {"op": "primed"}
    else:
        fields = {"op": "leave", "moved": request.moved}
    return encode_map({"v": VERSION, **fields})


def decode_request(body: bytes) -> Request:
    """Raises WireError, VersionError."""
    fields = decode_map(body)
    check_version(fields)
    operation = fields.get("op")
    if operation == "join":
        first_id = integer(fields, "first_id") if "first_id" in fields else -1
        if first_id > MOST_FIRST_ID:
            raise WireError(f"first_id is beyond {MOST_FIRST_ID}")
        return Join(
            text(fields, "stream"), text(fields, "life"), flag(fields, "follows"),
            text(fields, "lost") if "lost" in fields else "", first_id, flag(fields, "handover"),
        )  # fmt: skip
    if operation == "ping":
        return Ping(text(fields, "state"), text(fields, "why"))
    if operation == "clock":
        return AskClock(integer(fields, "t_client_ns"))
    if operation == "leave":
        return Leave(flag(fields, "moved"))
    if operation == "primed":
        return Primed()
    raise WireError(f"{operation!r:.40} is none of join, ping, clock, leave, primed")


@dataclass(frozen=True, slots=True)
class Joined:
    """There is a place."""

    first_id: int = -1  # where the ids of its people begin; -1: the server is of an earlier day
    past: int = 0  # as many frames as it wants of what was seen before


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


@dataclass(frozen=True, slots=True)
class Moved:
    """Go there: to whom has no place here at once, to whom has one when it is primed there."""

    address: str


Answer = Joined | Refused | Receipt | Clock | Moved | Primed


def encode_answer(answer: Answer) -> bytes:
    fields: dict[str, Any]
    if isinstance(answer, Joined):
        fields = {"op": "joined", "first_id": answer.first_id, "past": answer.past}
    elif isinstance(answer, Refused):
        fields = {"op": "refused", "code": answer.code, "message": answer.message[:MAX_TEXT]}
    elif isinstance(answer, Receipt):
        fields = {"op": "receipt", "seq": answer.seq}
    elif isinstance(answer, Moved):
        fields = {"op": "moved", "address": answer.address}
    elif isinstance(answer, Primed):
        fields = {"op": "primed"}
    else:
        times = {"t_client_ns": answer.t_client_ns, "t_receive_ns": answer.t_receive_ns, "t_send_ns": answer.t_send_ns}
        fields = {"op": "clock", **times}
    return encode_map({"v": VERSION, **fields})


def decode_answer(body: bytes) -> Answer:
    """Raises WireError, VersionError."""
    fields: Fields = decode_map(body)
    check_version(fields)
    operation = fields.get("op")
    if operation == "joined":
        first_id = integer(fields, "first_id", -1) if "first_id" in fields else -1
        return Joined(first_id, integer(fields, "past") if "past" in fields else 0)
    if operation == "moved":
        return Moved(text(fields, "address"))
    if operation == "primed":
        return Primed()
    if operation == "refused":
        return Refused(text(fields, "code"), text(fields, "message"))
    if operation == "receipt":
        return Receipt(integer(fields, "seq", -1))
    if operation == "clock":
        return Clock(*(integer(fields, name) for name in ("t_client_ns", "t_receive_ns", "t_send_ns")))
    raise WireError(f"{operation!r:.40} is no answer of this protocol")
