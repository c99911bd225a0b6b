"""`--log-json`: what happens to a session, one JSON object a line, in a file that never grows without end."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
from collections.abc import Iterator
from pathlib import Path

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.session.terminal import Terminal, TerminalHandler

MAX_BYTES = 10_000_000  # of one file; the ones before it are FILE.1 (the newest) to FILE.3
BACKUPS = 3
BURST = 100  # lines at once
RATE_HZ = 10.0  # lines a second in the long run; what is beyond is counted

log = logging.getLogger("realtime.run")


class JsonLines(logging.Formatter):
    """`t_ns` (Unix), `level`, `logger`, `stream`, `event`; `left_out`: lines before this one that were too many."""

    def __init__(self, stream: str) -> None:
        super().__init__()
        self._stream = stream

    def format(self, record: logging.LogRecord) -> str:
        event = record.getMessage()
        if record.exc_info:
            event += "\n" + self.formatException(record.exc_info)
        fields = {
            "t_ns": int(record.created * NS_PER_S), "level": record.levelname.lower(), "logger": record.name,
            "stream": self._stream, "event": event,
        }  # fmt: skip
        left_out = getattr(record, "left_out", 0)
        return json.dumps({**fields, "left_out": left_out} if left_out else fields)


class RateLimit(logging.Filter):
    """A bucket of BURST lines that RATE_HZ fills again. Failures that end the session always pass."""

    def __init__(self) -> None:
        super().__init__()
        self._lines, self._filled_ns, self._left_out = float(BURST), monotonic_ns(), 0

    def filter(self, record: logging.LogRecord) -> bool:
        now_ns = monotonic_ns()
        self._lines = min(BURST, self._lines + (now_ns - self._filled_ns) / NS_PER_S * RATE_HZ)
        self._filled_ns = now_ns
        if self._lines < 1 and record.levelno < logging.CRITICAL:
            self._left_out += 1
            return False
        self._lines -= 1
        record.left_out, self._left_out = self._left_out, 0
        return True


class _File(logging.handlers.RotatingFileHandler):
    _complained = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 the base class's name
        """A full disk ends no stream; said once, and not into the file."""
        if not self._complained:
            self._complained = True
            log.warning("%s cannot be written any more: free some space", self.baseFilename)


@contextlib.contextmanager
def json_log(path: Path | None, stream: str) -> Iterator[None]:
    """While it is open, all that the session says is written there too; None: nowhere. Raises UserError."""
    if path is None:
        yield
        return
    try:
        file = _File(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): choose another file for --log-json") from error
    file.setFormatter(JsonLines(stream))
    root = logging.getLogger("realtime")
    with contextlib.closing(file), Terminal() as writer:  # a thread of its own: a slow disk holds nobody up
        handler = TerminalHandler(writer, file)
        handler.addFilter(RateLimit())
        root.addHandler(handler)
        try:
            yield
        except UserError as error:  # what ended it is said by the command line alone
            handler.handle(log.makeRecord(log.name, logging.CRITICAL, "", 0, str(error), (), None))
            raise
        finally:
            root.removeHandler(handler)
