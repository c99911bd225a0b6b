"""A source that was once open is waited for: a camera that goes away is opened again, however long that takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.sources.source import Frame, Source

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0
log = logging.getLogger("realtime.capture")


class LastingSource(Closing):
    """`Source.read` as ever, but for a camera or an address it raises UserError only after `give_up_s`; None: never.

    While the source is away `read` raises TimeoutError, and `away` says why. Opening is done on a thread: it may take
    long, and the reader has other things to do.
    """

    def __init__(self, open_it: Callable[[], Source], lasts: bool, known: bool, give_up_s: float | None) -> None:
        """`lasts`: a camera or an address, not a file. `known`: it was open before, in a process that ended.

        Raises UserError where it cannot be opened and was never open.
        """
        self._open, self._lasts, self._give_up_s = open_it, lasts, give_up_s
        self.live = lasts
        self._source: Source | None = None
        self._frames = self._dropped = 0  # of the connections before this one
        self._next_id = 0
        self._wait_s, self._away_ns = FIRST_WAIT_S, 0
        self.away = ""
        self._opening: threading.Thread | None = None
        self._opened: Source | UserError | None = None
        self._closed = threading.Event()
        try:
            self._source = open_it()
        except UserError as error:
            if not (lasts and known):
                raise
            self._lose(error)

    @property
    def source(self) -> Source | None:
        """None while it is away."""
        return self._source

    @property
    def dropped(self) -> int:
        return self._dropped + (self._source.dropped if self._source else 0)

    @property
    def fps(self) -> float:
        """As `Source.fps`; 0 while it is away."""
        return self._source.fps if self._source else 0.0

    @property
    def reconnecting(self) -> bool:
        """Whether the source is at it by itself."""
        return bool(getattr(self._source, "reconnecting", False))

    def read(self, timeout_s: float) -> Frame | None:
        """See `Source.read`."""
        if self._source is None:
            self._try_again(timeout_s)
        if self._source is None:
            raise TimeoutError(self.away)
        try:
            frame = self._source.read(timeout_s)
        except UserError as error:
            if not self._lasts:
                raise
            self._lose(error)
            raise TimeoutError(self.away) from error
        if frame is None:
            return None
        self._away_ns, self._wait_s = 0, FIRST_WAIT_S
        self._next_id = self._frames + frame.stamp.frame_id + 1
        return replace(frame, stamp=replace(frame.stamp, frame_id=self._frames + frame.stamp.frame_id))

    def close(self) -> None:
        self._closed.set()
        if self._source is not None:
            self._source.close()

    def release(self) -> None:
        if self._source is not None:
            self._source.release()

    def _lose(self, error: UserError) -> None:
        now_ns = monotonic_ns()
        self._away_ns = self._away_ns or now_ns
        if self._give_up_s is not None and now_ns - self._away_ns > self._give_up_s * NS_PER_S:
            raise error
        self.away = str(error)
        log.warning("%s: trying again in %.1f s", error, self._wait_s)
        if self._source is not None:
            self._dropped, self._frames = self._dropped + self._source.dropped, self._next_id
            self._source.close()
            self._source.release()
        self._source = self._opened = None
        self._opening = threading.Thread(target=self._open_later, args=(self._wait_s,), name="open", daemon=True)
        self._opening.start()
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _open_later(self, wait_s: float) -> None:
        if self._closed.wait(wait_s):
            return
        try:
            self._opened = self._open()
        except UserError as error:
            self._opened = error

    def _try_again(self, timeout_s: float) -> None:
        assert self._opening is not None
        self._opening.join(timeout_s)
        if isinstance(self._opened, UserError):
            self._lose(self._opened)
        elif self._opened is not None:
            log.warning("%s is there again", self._opened.name)
            self._source, self.away = self._opened, ""
