"""The wire format of PROTOCOL.md: topic, NUL, one msgpack or JSON map. Encodes, and checks all it decodes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import msgpack
import numpy as np

from engines.errors import UserError

VERSION = 1
SKELETON = "h36m-17"
JOINTS = 17
FEET = 4  # right heel and toe, left heel and toe
HANDS = 6  # right little finger, index finger and thumb, then the left ones
POSE, KEYPOINTS, STATUS = "pose3d", "keypoints2d", "status"
KINDS = (POSE, KEYPOINTS, STATUS)
ENCODINGS = ("msgpack", "json")
MAX_MESSAGE_BYTES = 1 << 20
MAX_PERSONS = 64
MAX_TEXT = 256
MAX_INT = 2**63 - 1
MAX_COORDINATE = 1e6  # metres or pixels: anything beyond is damage
_STREAM = re.compile(r"[A-Za-z0-9._-]{1,64}")
Fields = dict[str, Any]


class WireError(ValueError):
    """A message that breaks PROTOCOL.md; says which field and how."""


class VersionError(WireError, UserError):
    """A message of a schema version this client does not know."""


class StreamNameError(WireError, UserError):
    """A name that cannot be a stream's."""


@lru_cache(maxsize=256)
def topic(kind: str, stream: str) -> bytes:
    """What to subscribe to: kind, slash, stream and the NUL that ends it (so `a` does not match `ab`)."""
    if not _STREAM.fullmatch(stream):
        raise StreamNameError(f"stream name {stream[:80]!r} is not 1 to 64 letters, digits, '.', '_' or '-'")
    return f"{kind}/{stream}".encode() + b"\0"


def encode_map(fields: Mapping[str, Any], encoding: str = "msgpack") -> bytes:
    """A map without a topic: requests, answers and the body of a message.

    Raises WireError for what the encoding has no form for, such as NaN in JSON.
    """
    try:
        if encoding == "json":
            return json.dumps(fields, allow_nan=False, separators=(",", ":"), default=_plain).encode()
        return cast(bytes, msgpack.packb(fields, use_single_float=True, default=_plain))
    except WireError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"cannot be written as {encoding}: {error}") from error


def _plain(value: object) -> object:
    """numpy scalars and arrays in a status map."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise WireError(f"a {type(value).__name__} cannot go on the wire")


def split(message: bytes) -> tuple[str, str, bytes]:
    """A message as (kind, stream, body); the body is not looked at."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise WireError(f"a message of {len(message)} bytes: the limit is {MAX_MESSAGE_BYTES}")
    name, nul, _ = message[:128].partition(b"\0")
    kind, stream = _topic_parts(name + nul)
    return kind, stream, message[len(name) + 1 :]


@lru_cache(maxsize=256)
def _topic_parts(name: bytes) -> tuple[str, str]:
    kind, slash, stream = name[:-1].decode("latin-1").partition("/")
    if name[-1:] != b"\0" or not slash or kind not in KINDS or not _STREAM.fullmatch(stream):
        raise WireError(f"no topic of this protocol at the start: {name[:40]!r}")
    return kind, stream


def decode_map(body: bytes, *, refuse_bytes: bool = True) -> Fields:
    """Any map of this protocol: JSON where it starts with `{`, else msgpack. Raises WireError, nothing else.

    Without `refuse_bytes` empty bins pass, for a caller who checks every field, or calls `check_no_bytes`.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        raise WireError(f"{len(body)} bytes: the limit is {MAX_MESSAGE_BYTES}")
    try:
        fields = json.loads(body, parse_constant=_no_constant) if body[:1] == b"{" else _unpack(body)
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise WireError(f"neither msgpack nor JSON: {type(error).__name__}: {str(error)[:120]}") from error
    if type(fields) is not dict:
        raise WireError(f"a map is expected, not {type(fields).__name__}")
    if refuse_bytes and (b"\xc4\0" in body or b"\xc5\0\0" in body or b"\xc6\0\0\0\0" in body):  # or part of a number
        check_no_bytes(fields)
    return fields


def _unpack(body: bytes) -> object:
    return msgpack.unpackb(
        body, max_str_len=4096, max_bin_len=0, max_array_len=4096, max_map_len=256, max_ext_len=0, ext_hook=_no_ext
    )


def check_no_bytes(fields: Fields) -> None:
    """Raises WireError where there is an empty bin anywhere: the only one that the unpacker lets through."""
    unchecked: list[object] = [fields]
    while unchecked:
        value = unchecked.pop()
        if isinstance(value, bytes):
            raise WireError("bin is no type of this protocol")
        if isinstance(value, dict):
            unchecked += (*value, *value.values())
        elif isinstance(value, list):
            unchecked += value


def _no_ext(code: int, _: bytes) -> object:
    raise ValueError(f"ext {code} is no type of this protocol")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
