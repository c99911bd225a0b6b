"""Shared memory without room: a program whose /dev/shm is its own, small, and filled to the last byte."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engines.errors import UserError
from realtime.assets.fetch import fetch
from realtime.chaos.camera_server import MjpegServer
from realtime.chaos.faults import Fault, kill
from realtime.chaos.place import LeftOutError, Place, some
from realtime.chaos.programs import after, found, new_stream, program, run_words
from realtime.ring.segment import PREFIX

ROOM_KIB = 8192  # for a session's ring and picture, and a little more
_FILLER = "filler"
_BLOCK = 4096


def in_own_memory(size_kib: int) -> list[str]:
    """Words before a program: to it, and to it alone, /dev/shm is so large and empty."""
    mine = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*mine, *after(f"mount -t tmpfs -o size={size_kib}k tmpfs /dev/shm")]


def why_not() -> str:
    """Why this machine gives nobody a /dev/shm of their own; empty where it does."""
    try:
        done = subprocess.run([*in_own_memory(64), "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return f"{error.filename} is missing"
    return "" if done.returncode == 0 else f"no mounts of one's own: {done.stderr.strip()}"


class OwnMemory:
    """The /dev/shm of a program that runs by `in_own_memory`. It can be looked at when the program has ended, too."""

    def __init__(self, pid: int) -> None:
        """Raises UserError for a program whose /dev/shm is the machine's."""
        self._folder = os.open(f"/proc/{pid}/root/dev/shm", os.O_RDONLY | os.O_DIRECTORY)
        if os.fstat(self._folder).st_dev == os.stat("/dev/shm").st_dev:
            os.close(self._folder)
            raise UserError(f"process {pid} has no /dev/shm of its own: it would be the machine's that is filled")

    def close(self) -> None:
        os.close(self._folder)

    def fill(self) -> None:
        """To the last byte."""
        file = os.open(_FILLER, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=self._folder)
        try:
            while True:
                os.write(file, bytes(_BLOCK))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(file)

    def segments(self) -> list[str]:
        """Names of what sessions have there."""
        return [name for name in os.listdir(self._folder) if name.startswith(PREFIX)]


@contextlib.contextmanager
def on_full_memory(folder: Path) -> Iterator[Place]:
    """A session with a preview; /dev/shm is full from its first pose to its end, and has nothing of it afterwards."""
    if why := why_not():
        raise LeftOutError(why)
    stream, film, log = new_stream("memory"), folder / "memory.mp4", folder / "memory.log"
    with MjpegServer.of_clip(fetch("demo"), fps=20, scale=0.5, frames=60) as camera, contextlib.ExitStack() as stack:
        words = run_words(camera.url, stream, "--render", str(film), "--fps", "5", "--size", "320x240", view=True)
        with program(*words, inside=in_own_memory(ROOM_KIB), log=log) as popen:
            target = found(stream, popen)
            target.process("viewer")  # the session has its memory
            memory = OwnMemory(target.session.pid)
            stack.callback(memory.close)
            memory.fill()
            faults: dict[str, Fault] = {"kill-viewer": partial(kill, "viewer")}
            faults.update(some("kill-lifter", "kill-producer", "kill-both"))
            yield Place(target, stream, faults)
        if left := memory.segments():
            raise UserError(f"the session left {', '.join(left)} behind in its /dev/shm")
