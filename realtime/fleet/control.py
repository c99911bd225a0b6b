"""`realtime fleet status, add, remove, upgrade, down`: orders to the fleet that runs on this machine, by this user."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any
from zlib import crc32

from engines.errors import UserError
from realtime.closing import Closing
from realtime.session.instance import Instance, Running, find, runtime_dir
from realtime.session.instance import stop as stop_instance

_MOST_PATH = 100  # characters of a Unix socket's path

log = logging.getLogger("realtime.fleet")


@dataclass(frozen=True, slots=True)
class Order:
    """`what`: status, add, remove or upgrade."""

    what: str
    count: int = 1
    worker: str | None = None


class Control(Closing):
    """Holds the fleet's name on this machine, and answers on threads of its own. `obey` is called with each order."""

    def __init__(self, name: str, obey: Callable[[Order], Any]) -> None:
        """Raises UserError where a fleet of that name runs here."""
        path = _socket(name)
        found = find(_instance(name))
        if found is not None:
            raise UserError(f"a fleet '{name}' runs here already, as process {found.pid}: end it with "
                            "'realtime fleet down', or give this one another --name")  # fmt: skip
        self._instance = Instance(Running(os.getpid(), _instance(name), str(path), None))
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of one that was killed
        self._obey, self._path = obey, path
        self._listener = Listener(str(path), family="AF_UNIX")
        self._thread = threading.Thread(target=self._run, name="realtime-control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError), Client(str(self._path), family="AF_UNIX") as wake:
            wake.send_bytes(b"")
        self._thread.join()
        self._listener.close()
        self._instance.close()

    def _run(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
                asked = connection.recv_bytes(4096)
            except (OSError, EOFError) as error:
                log.debug("an order did not come: %s", error)
                continue
            if not asked:
                connection.close()
                return
            threading.Thread(target=self._answer, args=(connection, asked), daemon=True).start()

    def _answer(self, connection: Connection[Any, Any], asked: bytes) -> None:
        with connection, contextlib.suppress(OSError):
            try:
                answer = {"answer": self._obey(Order(**json.loads(asked)))}
            except UserError as error:
                answer = {"error": str(error)}
            except Exception as error:  # told to who asked, whatever it is
                log.exception("an order could not be followed")
                answer = {"error": f"it failed ({type(error).__name__}): see what 'realtime fleet up' says"}
            connection.send_bytes(json.dumps(answer).encode())


def ask(name: str, order: Order) -> Any:
    """What the fleet answers, however long it takes. Raises UserError where there is none, or it cannot be done."""
    if find(_instance(name)) is None:
        raise _none(name)
    try:
        with Client(str(_socket(name)), family="AF_UNIX") as connection:
            connection.send_bytes(json.dumps(asdict(order)).encode())
            answer = json.loads(connection.recv_bytes())
    except (OSError, EOFError) as error:
        raise UserError(f"fleet '{name}' is starting or ending: try again in a moment") from error
    if "error" in answer:
        raise UserError(answer["error"])
    return answer["answer"]


def down(name: str, timeout_s: float) -> int:
    """Ends the fleet in good order and waits for it; the process that it was. Raises UserError."""
    if find(_instance(name)) is None:
        raise _none(name)
    return stop_instance(_instance(name), timeout_s).pid


def _none(name: str) -> UserError:
    return UserError(f"no fleet '{name}' runs on this machine: 'realtime fleet up' starts it")


def _instance(name: str) -> str:
    """No stream can be called so."""
    return f"fleet@{name}"


def _socket(name: str) -> Path:
    """In a folder of this user's alone; in a temporary one where that has too long a name for a socket."""
    folder = runtime_dir()
    path = folder / f"fleet@{name}.socket"
    if len(str(path)) <= _MOST_PATH:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path
    short = Path(tempfile.gettempdir()) / f"realtime-{os.getuid()}-{crc32(str(folder).encode()):x}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise UserError(f"{short} belongs to somebody else: set REALTIME_RUNTIME to a folder with a shorter name")
    return short / f"{name}.socket"
