"""What a program says on stderr, line by line, read on a thread: to wait for what it says."""

from __future__ import annotations

import queue
import re
import subprocess
import threading


class Heard:
    """Of a process whose stderr is a pipe of text; `close` once it has ended."""

    def __init__(self, popen: subprocess.Popen[str], wait_s: float) -> None:
        """`wait_s`: for each line at most."""
        self._popen, self._wait_s = popen, wait_s
        self.said: list[str] = []  # all lines so far
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: re.Pattern[str]) -> re.Match[str]:
        """The next line that has it."""
        said: list[str] = []
        while True:
            line = self._lines.get(timeout=self._wait_s)
            assert line is not None, f"it ended without saying {text.pattern}, but {said}"
            said.append(line)
            found = text.search(line)
            if found:
                return found

    def close(self) -> None:
        self._reader.join(self._wait_s)
        assert self._popen.stderr is not None
        self._popen.stderr.close()

    def _read(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self.said.append(line.rstrip())
            self._lines.put(line)
        self._lines.put(None)
