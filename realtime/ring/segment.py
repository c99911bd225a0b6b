"""Named shared memory that is never left behind.

A segment is a file in memory (`/dev/shm` where there is one, else the temporary directory), mapped by every process
that attaches. Whoever maps it holds a shared lock on the file, and the kernel drops that lock at any kind of death:
a segment that can be locked exclusively belongs to nobody, and `sweep` removes it at the next start. That is why
this is not `multiprocessing.shared_memory`, whose tracker unlinks a living segment when an attached process ends.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from pathlib import Path

from engines.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: a mapped file cannot be deleted there, which is the same protection
    fcntl = None  # type: ignore[assignment]

# `sweep` deletes by it, in the temporary directory of everybody where there is no /dev/shm.
PREFIX = "realtime-pose-shm-"


def directory() -> Path:
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


class Segment:
    """A mapped file. Close it in every process; unlink it once (again does no harm)."""

    def __init__(self, path: Path, fd: int, mapping: mmap.mmap) -> None:
        self.path = path
        self.mapping = mapping
        self._fd = fd

    @classmethod
    def create(cls, name: str, size: int) -> Segment:
        """Zero-filled. Raises UserError where the memory cannot be had, ValueError for a name that is taken."""
        path = directory() / f"{PREFIX}{name}"
        try:
            fd = _open_new(path)
        except FileExistsError as error:
            raise ValueError(f"shared memory {path} exists already") from error
        except OSError as error:
            raise UserError(f"no shared memory in {path.parent} ({error.strerror}): make room there") from error
        try:
            _fill(fd, size)
            return cls(path, fd, mmap.mmap(fd, size))
        except OSError as error:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise UserError(f"{path.parent} has no room for {size // 1024} KiB of shared memory: free some") from error

    @classmethod
    def attach(cls, name: str) -> Segment:
        path = directory() / f"{PREFIX}{name}"
        try:
            fd = os.open(_of_parent(path) or path, os.O_RDWR)
        except OSError as error:
            raise UserError(f"there is no shared memory {path}: is 'realtime run' still running?") from error
        _lock(fd)
        return cls(path, fd, mmap.mmap(fd, 0))

    def close(self) -> None:
        """Raises BufferError while a view of the mapping is still held."""
        self.mapping.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unlink(self) -> None:
        self.remove(self.path.name.removeprefix(PREFIX))

    @staticmethod
    def remove(name: str) -> None:
        """Takes the name away; the memory goes with the last mapping. A name that is not there does no harm."""
        # On Windows a file that someone maps stays until `sweep`.
        with contextlib.suppress(PermissionError):
            (directory() / f"{PREFIX}{name}").unlink(missing_ok=True)


def _of_parent(path: Path) -> Path | None:
    """What the parent process still has open where the name itself was taken away from outside (a login manager does
    that). Linux alone tells."""
    held = Path(f"/proc/{os.getppid()}/fd")
    if path.exists() or not held.exists():
        return None
    with contextlib.suppress(OSError):
        for descriptor in held.iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(descriptor) == f"{path} (deleted)":
                    return descriptor
    return None


def _open_new(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(fd)
        # Another program's `sweep` may have taken the file for a leftover between these two calls.
        if path.exists() and path.stat().st_ino == os.fstat(fd).st_ino:
            return fd
        os.close(fd)


def _lock(fd: int) -> None:
    if fcntl is not None:
        fcntl.flock(fd, fcntl.LOCK_SH)


def _fill(fd: int, size: int) -> None:
    """Really take the room: writing to a hole in a full /dev/shm would be a bus error later."""
    block = bytes(1 << 20)
    while size > 0:
        size -= os.write(fd, block[:size])


def sweep() -> list[Path]:
    """Removes the segments that no living process holds; returns their paths."""
    removed = []
    for path in directory().glob(f"{PREFIX}*"):
        # Another user's, in use (BlockingIOError, PermissionError), or just gone: not ours to remove.
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR)
            try:
                if fcntl is not None:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed.append(path)
            finally:
                os.close(fd)
    return removed
