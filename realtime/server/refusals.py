"""The log of peers that are kept out or sent away: each once."""

from __future__ import annotations

import logging

_REMEMBERED = 1024
UNKNOWN = "a peer"  # gone before its address could be asked for

log = logging.getLogger("realtime.gate")


class RefusalLog:
    """Logs each peer's refusal once. A peer is an address and a reason: a port changes with every attempt."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def refuse(self, peer: str, reason: str) -> None:
        if peer != UNKNOWN and (UNKNOWN, reason) in self._seen:  # it came back, and now its address is known
            self._seen -= {(UNKNOWN, reason)}
            self._seen.add((peer, reason))
        known = (peer, reason) in self._seen or (peer == UNKNOWN and any(reason == seen for _, seen in self._seen))
        if known or len(self._seen) >= _REMEMBERED:
            return
        self._seen.add((peer, reason))
        log.warning("refused %s: %s", peer, reason)
        if len(self._seen) == _REMEMBERED:
            log.warning("%d refusals logged: further ones are not", _REMEMBERED)
