"""What a source is by its name: a camera's number, an address, or else a file."""

from __future__ import annotations

import re

CAMERA = re.compile(r"(?:/dev/video)?(\d+)")
URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_USERINFO = re.compile(r"^([^/]*//)[^/?#]*@")  # up to the last @ before the path: passwords hold some
_SECRET = re.compile(r"([?&][^=&#]*(?:token|key|pass|pwd|auth|secret|sig)[^=&#]*=)[^&#]*", re.IGNORECASE)


def is_live(source: str) -> bool:
    """A camera or an address: not a file."""
    return bool(CAMERA.fullmatch(source) or URL.match(source))


def shown(source: str) -> str:
    """A source as it may be said and logged: an address without its user and password or token."""
    return _SECRET.sub(r"\1...", _USERINFO.sub(r"\1", source)) if URL.match(source) else source
