"""What a source is by its name: a camera's number or device, an address, or else a file; and what may be said of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import quote

from realtime.sources.pipe import PIPED, is_pipe

URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_CAMERA = re.compile(r"(?:/dev/video)?(\d+)")
_HOST_BEHIND_AT = re.compile(r"@((?:\[[^\]]*\]|[A-Za-z0-9._-]+)(?::\d+)?)(?=[/?#]|$)")
_SECRET_NAMES = "pass|pwd|psw|token|key|auth|secret|sig|credential|session|user|usr|login|account"
_SECRET_IN_QUERY = re.compile(rf"(?i)([?&;][^=&;]*(?:{_SECRET_NAMES})[^=&;]*=)[^&;]*")
_SECRET_IN_PATH = re.compile(r"(?i)((?:pass(?:word|wd)?|pwd|psw)=)[^&/?]*")
_HIDDEN = r"\1***"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in parts. Passwords as people write them may hold what should be written as %40 or %23."""

    scheme: str  # with ://
    user: str  # "" or user:password, as written
    rest: str  # host, port, path, query

    @classmethod
    def of(cls, url: str) -> Address:
        scheme, slashes, rest = url.partition("://")
        at = _end_of_user(rest)
        return cls(scheme + slashes, rest[: max(at, 0)], rest[at + 1 :])


def _end_of_user(rest: str) -> int:
    """Where the @ before the host is; -1 where no user is named."""
    head = re.split(r"[/?#]", rest)[0]
    name, colon, port = head.partition(":")
    if "@" not in head and (not colon or not port or port.isdigit() or name.startswith("[")):
        return -1
    hosts = list(_HOST_BEHIND_AT.finditer(rest))
    likely = [host for host in hosts if re.search(r"[.:\[]|^localhost", host[1])]
    chosen = [*likely, *hosts]
    return chosen[0].start() if chosen else head.rfind("@")


def camera_index(source: str) -> int | None:
    """Of a camera by its number, its device, or a link to it, such as those in /dev/v4l/by-id; else None."""
    found = _CAMERA.fullmatch(source)
    if found is None and "/" in source and not URL.match(source):
        found = re.fullmatch(r"/dev/video(\d+)", os.path.realpath(source))
    return int(found[1]) if found else None


def device_of(source: str) -> str:
    """What a live source's profiles are filed under, without its password; "" for a file."""
    from calibration.profiles import device_name

    index = camera_index(source)
    return device_name(shown(source) if index is None else str(index))


def shown(source: str) -> str:
    """A source as it may be said and logged: an address without user and password, wherever they stand in it."""
    if not URL.match(source):
        return PIPED if is_pipe(source) else source
    address = Address.of(source)
    if address.user and "@" in address.rest:  # what that is cannot be told: perhaps a piece of the password
        return address.scheme + re.split(r"[/?#]", address.rest)[0]
    rest, mark, query = address.rest.partition("?")
    rest = _SECRET_IN_PATH.sub(_HIDDEN, rest)
    return address.scheme + rest + _SECRET_IN_QUERY.sub(_HIDDEN, mark + query)


def sound(url: str) -> str:
    """The address as FFmpeg understands it: what has a meaning in an address and stands in a password is escaped."""
    address = Address.of(url)
    if not address.user:
        return url
    name, colon, password = address.user.partition(":")
    return f"{address.scheme}{_escaped(name)}{colon}{_escaped(password)}@{address.rest}"


def _escaped(text: str) -> str:
    """Escapes that are there stay."""
    return "".join(part if re.fullmatch(r"%[0-9A-Fa-f]{2}", part) else quote(part, safe="")
                   for part in re.split(r"(%[0-9A-Fa-f]{2})", text))  # fmt: skip


def is_live(source: str) -> bool:
    """A camera or an address: not a file."""
    return camera_index(source) is not None or bool(URL.match(source))
