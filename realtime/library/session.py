"""A live session of one's own: `realtime run` beside the program, and its messages."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engines.errors import UserError
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.closing import Closing
from realtime.library.place import AnyPath
from realtime.wire.endpoints import chosen
from realtime.wire.messages import PoseMessage

_LOOK_S = 0.2  # without a message, before it is asked whether the session has ended
_KNOCK_S = 0.02  # between two tries to reach it
_END_S = 15.0  # for an end in good order


class Session(Closing):
    """Messages of a session that ends with this object. A context manager and an iterator; for one thread at a time."""

    def __init__(self, options: list[str]) -> None:
        self.address = chosen(["tcp://127.0.0.1:*"])[0]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 open as long as the session
        command = [sys.executable, "-m", "realtime.cli", "run", "--no-view", "--address", self.address,
                   "--rpc-address", "tcp://127.0.0.1:*", *options]  # fmt: skip
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said)
        try:
            self._wait_for_publisher()
            self._subscriber = Subscriber(self.address)
        except BaseException:
            self._end()
            raise

    def __iter__(self) -> Iterator[PoseMessage]:
        """Every message until the source ends. Raises UserError with what ended the session otherwise."""
        while True:
            ended = self._process.poll() is not None  # asked before the wait: what was sent before the end is taken
            try:
                yield self._subscriber.receive(_LOOK_S)
            except StreamTimeoutError:
                if ended:
                    break
        if self._process.returncode:
            raise UserError(self._why())

    def close(self) -> None:
        """Ends the session in good order."""
        self._end()
        self._subscriber.close()

    def _wait_for_publisher(self) -> None:
        """A subscriber that connects earlier would try again ever more rarely, and miss the beginning."""
        host, _, port = self.address.removeprefix("tcp://").rpartition(":")
        while self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KNOCK_S)

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._said.close()

    def _why(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        return lines[-1].removeprefix("realtime: ")


def run(
    source: str | int = 0, *, people: int = 1, detector: str = "full", lookahead: int = 0,
    camera: AnyPath | None = None, ground: AnyPath | None = None, person: str | None = None, mirror: bool = False,
    loop: bool = False, max_speed: bool = False, frames: int | None = None, duration_s: float | None = None,
    config: AnyPath | None = None,
) -> Session:  # fmt: skip
    """A live session as a context manager whose messages are iterated over; it ends with the `with`.

        with realtime.run(0) as session:
            for pose in session:
                print(pose.persons)

    `source`: a camera's number, a file, an address, or demo. `camera`, `ground`, `config`: files; the other options are
    those of `realtime run`. Returns when the session publishes. Messages are `PoseMessage`s, as `subscribe` gives them.
    Nothing is raised here: a source that cannot be opened raises `UserError` in the iteration.
    """
    given = {
        "source": source, "people": people, "detector": detector, "lookahead": lookahead, "camera": camera,
        "ground": ground, "person": person, "frames": frames, "duration": duration_s, "config": config,
    }  # fmt: skip
    options = [word for name, value in given.items() if value is not None for word in (f"--{name}", _word(value))]
    switches = {"--mirror": mirror, "--loop": loop, "--max-speed": max_speed}
    return Session(options + [switch for switch, wanted in switches.items() if wanted])


def _word(value: object) -> str:
    return str(Path(value)) if isinstance(value, Path) else str(value)
