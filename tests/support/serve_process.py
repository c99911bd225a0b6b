"""`realtime serve` as its user has it: a process with free ports of its own, its lines on stderr."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from types import TracebackType

from heard import Heard
from many_producers import __file__ as producers_file

_OPENED = re.compile(r"streams at (\S+), poses at ([^\s,]+)(?:, figures at (\S+))?")
WAIT_S = 120.0


class ServeProcess:
    """Ready once it is made. Leaving the context ends it in order, as Ctrl-C does."""

    def __init__(self, *options: str) -> None:
        anywhere = [word for name in ("--bind", "--address", "--rpc") for word in (name, "tcp://127.0.0.1:*")]
        command = [sys.executable, "-m", "realtime.cli", "serve", *anywhere, *options]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._heard = Heard(self.popen, WAIT_S)
        found = self.wait_for(_OPENED)
        self.intake, self.address, self.metrics = found[1], found[2], found[3]

    def __enter__(self) -> ServeProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.popen.send_signal(signal.SIGINT)
        assert self.popen.wait(WAIT_S) == 0
        self._heard.close()

    def wait_for(self, text: re.Pattern[str]) -> re.Match[str]:
        """The next line that has it."""
        return self._heard.wait_for(text)


class ProducersProcess:
    """Light producers of these streams, in a process of their own. Leaving the context kills it."""

    def __init__(self, intake: str, streams: list[str], *, fps: float, restless: bool = False, seed: int = 0) -> None:
        pace = "restless" if restless else "steady"
        self.popen = subprocess.Popen([
            sys.executable, producers_file, intake, ",".join(streams), str(seed), str(fps), pace,
        ], stderr=subprocess.DEVNULL)  # fmt: skip

    def __enter__(self) -> ProducersProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
