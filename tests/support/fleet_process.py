"""`realtime fleet up` as its user has it: a process with free ports of its own, and Ray's processes below it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from heard import Heard
from waiting import until

_OPENED = re.compile(r"producers at (\S+), poses at ([^\s,;]+)(?:, figures at ([^\s;]+))?;")
WAIT_S = 200.0


class FleetProcess:
    """Ready once it is made. Leaving the context ends it in order, as Ctrl-C does, and nothing is left behind."""

    def __init__(self, *options: str, end: signal.Signals = signal.SIGINT) -> None:
        self._end = end
        self._runtime = tempfile.TemporaryDirectory(prefix="rt-")
        self._environment = {**os.environ, "REALTIME_RUNTIME": self._runtime.name}
        anywhere = [word for name in ("--bind", "--address", "--rpc") for word in (name, "tcp://127.0.0.1:*")]
        command = [sys.executable, "-m", "realtime.cli", "fleet", "up", *anywhere, *options]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self._environment)
        self._heard = Heard(self.popen, WAIT_S)
        try:
            found = self.wait_for(_OPENED)
        except BaseException:
            self.popen.kill()
            raise
        self.intake, self.address, self.metrics = found[1], found[2], found[3]
        self.rpc = self.told()["door"]["rpc"]
        self._below = psutil.Process(self.popen.pid).children(recursive=True)

    def __enter__(self) -> FleetProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        below = [*self._below, *psutil.Process(self.popen.pid).children(recursive=True)]
        self.popen.send_signal(self._end)
        assert self.popen.wait(WAIT_S) == 0
        self._heard.close()
        until(lambda: not any(is_alive(one) for one in below), wait_s=WAIT_S)
        self._runtime.cleanup()

    def told(self) -> dict[str, Any]:
        """What `realtime fleet status` says."""
        return dict(json.loads(self.order("status", "--json")))

    def order(self, *words: str) -> str:
        """Another command for this fleet, which must succeed; what it printed."""
        done = self.try_order(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_order(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "realtime.cli", "fleet", *words]
        return subprocess.run(command, capture_output=True, text=True, env=self._environment, timeout=WAIT_S)

    @property
    def said(self) -> list[str]:
        """Its lines so far."""
        return self._heard.said

    def wait_for(self, text: re.Pattern[str]) -> re.Match[str]:
        """The next line that has it."""
        return self._heard.wait_for(text)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def shared_memory() -> set[str]:
    """Names of what is in shared memory."""
    folder = Path("/dev/shm")
    return {one.name for one in folder.iterdir()} if folder.is_dir() else set()
