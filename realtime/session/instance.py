"""Which streams run on this machine for this user: one session a name, found by its name."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.errors import UserError
from realtime.clock import deadline_ns, monotonic_ns
from realtime.closing import Closing

try:
    import fcntl
except ImportError:  # Windows: nobody is kept out, as before
    fcntl = None  # type: ignore[assignment]

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """What is written of a session for those who look for it."""

    pid: int
    stream: str
    address: str
    rpc_address: str | None
    status_address: str | None = None  # where its supervisor says how it is
    session: str = ""  # the name of the session that it is one stream of several of; "": it is alone


def runtime_dir() -> Path:
    """Gone when the user has logged out; the environment variable REALTIME_RUNTIME moves it."""
    import platformdirs

    with warnings.catch_warnings():  # where nobody has logged in there is none, and it warns of the one it takes
        warnings.simplefilter("ignore")
        return Path(os.environ.get("REALTIME_RUNTIME") or platformdirs.user_runtime_path("realtime-pose"))


class Instance(Closing):
    """Holds a stream's name while it is open. The system lets go of it at any kind of death: no lock is ever stale."""

    def __init__(self, running: Running) -> None:
        """Raises UserError where the name is held already."""
        self._path = runtime_dir() / f"{running.stream}.json"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise UserError(f"cannot write {self._path} ({error.strerror}): set REALTIME_RUNTIME to a folder of yours"
                            ) from error  # fmt: skip
        if not _lock(self._fd):
            holder = _read(self._path)
            os.close(self._fd)
            raise _taken(running.stream, holder)
        os.ftruncate(self._fd, 0)
        os.write(self._fd, json.dumps(asdict(running)).encode())

    def close(self) -> None:
        """The file stays, empty: taking it away would let two sessions hold two files of one name."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def require_free(stream: str) -> None:
    """Raises UserError where a session publishes that stream on this machine."""
    path = runtime_dir() / f"{stream}.json"
    if _held(path):
        raise _taken(stream, _read(path))


def find(stream: str) -> Running | None:
    """The session that publishes a stream on this machine; None: there is none."""
    path = runtime_dir() / f"{stream}.json"
    return _read(path) if _held(path) else None


def stop(stream: str, timeout_s: float) -> Running:
    """Ends the session of a stream in good order and waits for it. Raises UserError where there is none, or no end."""
    running = find(stream)
    if running is None:
        raise UserError(f"no stream '{stream}' runs here: 'realtime run' starts it")
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    end_ns = deadline_ns(timeout_s)
    while any(_held(runtime_dir() / f"{name}.json") for name in {stream, running.session or stream}):
        if end_ns is not None and monotonic_ns() > end_ns:
            raise UserError(f"process {running.pid} did not end in {timeout_s:g} s: end it with kill -9 {running.pid}")
        time.sleep(_POLL_S)
    return running


def _taken(stream: str, holder: Running | None) -> UserError:
    by = f" by process {holder.pid} at {holder.address}" if holder else ""
    return UserError(f"stream '{stream}' is published already{by}: end that with 'realtime stop', or give this one "
                     "another name with --stream")  # fmt: skip


def _held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(fd)
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path) -> Running | None:
    try:
        return Running(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # being written, or of another version
        return None
