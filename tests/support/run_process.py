"""`realtime run` as its user has it: a process, its lines on stderr, its summary on stdout."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

COMMAND = [sys.executable, "-m", "realtime.cli", "run"]
TIMEOUT_S = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunProcess:
    """Started with a free port of its own, `--json` and `--verbose`. Leaving the context stops it."""

    def __init__(self, *options: str, cwd: Path | None = None, port: int | None = None) -> None:
        self.address = f"tcp://127.0.0.1:{port or free_port()}"
        self.rpc_address = f"tcp://127.0.0.1:{free_port()}"
        command = [*COMMAND, "--json", "--verbose", "--address", self.address, "--rpc-address", self.rpc_address]
        command += options
        self._runtime = tempfile.TemporaryDirectory()  # its own: other sessions have streams of the same name
        self.env = {**os.environ, "REALTIME_RUNTIME": self._runtime.name}
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                                      env=self.env)  # fmt: skip
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.children: list[psutil.Process] = []

    def __enter__(self) -> RunProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self.popen.stdout.close()
        self.popen.stderr.close()
        self._runtime.cleanup()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next line on stderr that matches."""
        while (line := self._lines.get(timeout=TIMEOUT_S)) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"it ended without {pattern!r}:\n" + "\n".join(self.said))

    def pid(self, name: str) -> int:
        """Of the process's next life."""
        pid = int(self.wait_for(rf"{name} started \(pid (\d+)\)")[1])
        self.children.append(psutil.Process(pid))
        return pid

    def interrupt(self) -> None:
        self.popen.send_signal(signal.SIGINT)

    def finish(self) -> dict[str, Any]:
        """Waits for its end; the summary. Raises where it ended badly."""
        out = self.popen.stdout.read() if self.popen.stdout else ""
        self._reader.join(TIMEOUT_S)
        assert self.popen.wait(TIMEOUT_S) == 0, "\n".join(self.said)
        _, alive = psutil.wait_procs(self.children, timeout=TIMEOUT_S)
        assert alive == []
        assert out.count("\n") == 1, f"stdout is for the summary alone: {out!r}"
        return dict(json.loads(out))

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.said.append(line.rstrip())
            self._lines.put(self.said[-1])
        self._lines.put(None)
