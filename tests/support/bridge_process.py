"""`realtime bridge ...` as its user has it: a process, and what it says on stderr."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from types import TracebackType

TIMEOUT_S = 60


class BridgeProcess:
    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "realtime.cli", "bridge", *map(str, arguments)]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> BridgeProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        for pipe in (self.popen.stdout, self.popen.stderr):
            assert pipe is not None
            pipe.close()

    def wait_for(self, word: str) -> str:
        """The next line on stderr with that in it."""
        while (line := self._lines.get(timeout=TIMEOUT_S)) is not None:
            if word in line:
                return line
        raise AssertionError(f"it ended without {word!r}:\n" + "\n".join(self.said))

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Its exit code after the signal."""
        self.popen.send_signal(number)
        code = self.popen.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.said.append(line.rstrip())
            self._lines.put(self.said[-1])
        self._lines.put(None)
