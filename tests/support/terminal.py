"""A program in a terminal of its own: a pty, its screen as a person sees it, and the keys they press."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pyte

from realtime.clock import monotonic_ns

WAIT_S = 90.0
ALT_SCREEN, MAIN_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """`realtime` with these arguments. Leaving the context ends it."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24, cwd: Path | None = None,
                 stderr: int | None = None, **environment: str) -> None:  # fmt: skip
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "realtime.cli", *arguments], stdin=slave, stdout=slave, stderr=stderr or slave,
            cwd=cwd, env={**os.environ, "TERM": "xterm-256color", **environment}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that keys reach it as signals
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
        self.finish()
        os.close(self._master)

    @property
    def text(self) -> str:
        """The screen, a line a row."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def alternate(self) -> bool:
        """Whether it draws on the other screen."""
        return self.written.rfind(ALT_SCREEN) > self.written.rfind(MAIN_SCREEN)

    def until(self, seen: Callable[[], bool]) -> None:
        """Reads on until this is seen; fails where the program ends before, or after WAIT_S."""
        end_ns = monotonic_ns() + int(WAIT_S * 1e9)
        while not seen():
            assert monotonic_ns() < end_ns, f"it did not come:\n{self.text}"
            assert self._read(1.0) or self.popen.poll() is None, f"it ended before:\n{self.text}"

    def until_text(self, *words: str) -> None:
        self.until(lambda: all(word in self.text for word in words))

    def until_change(self) -> None:
        before = len(self.written)
        self.until(lambda: len(self.written) > before)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def finish(self) -> int:
        """Reads to the end; the exit code."""
        end_ns = monotonic_ns() + int(WAIT_S * 1e9)
        while self._read(1.0) or self.popen.poll() is None:
            if monotonic_ns() > end_ns:
                self.popen.kill()
        return self.popen.wait()

    def _read(self, wait_s: float) -> bool:
        if not select.select([self._master], [], [], wait_s)[0]:
            return False
        try:
            got = os.read(self._master, 1 << 16)
        except OSError:  # nobody has the other end any more
            return False
        self.written += got
        self._stream.feed(got)
        return bool(got)
