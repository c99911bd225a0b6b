"""A wall clock that is set while programs run: theirs, not the machine's.

A small C library stands before the system's (LD_PRELOAD) and adds an offset, which may change at any moment, to what
reads the wall clock: Python, ZeroMQ and detectors alike. Monotonic clocks stay as they are, as they do where a real
clock is set. Not simulated: how the kernel cuts short or draws out a wait for a moment on the wall clock.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from realtime.chaos.place import LeftOutError
from realtime.clock import NS_PER_S
from realtime.closing import Closing

_OFFSET = struct.Struct("q")  # ns
_SOURCE = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long *ahead_ns;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("SET_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *ahead_ns, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) ahead_ns = page;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, which, now);
    if (failed || !ahead_ns || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return failed;
    long long ns = now->tv_sec * 1000000000LL + now->tv_nsec + *ahead_ns;
    now->tv_sec = ns / 1000000000LL;
    now->tv_nsec = ns % 1000000000LL;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (told) *told = precise.tv_sec;
    return precise.tv_sec;
}
"""


class WallClock(Closing):
    """The clock of the programs that are started with its `env`, and of their children. A context manager."""

    def __init__(self, folder: Path) -> None:
        """The library is built into `folder`. Raises LeftOutError where this machine cannot do it."""
        self._library, offset = folder / "set_clock.so", folder / "set_clock.offset"
        _build(self._library)
        offset.write_bytes(_OFFSET.pack(0))
        with offset.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _OFFSET.size)
        self.env = {"LD_PRELOAD": str(self._library), "SET_CLOCK": str(offset)}

    def step(self, seconds: float) -> None:
        """Sets it by so much, forwards or back, for all at once."""
        _OFFSET.pack_into(self._page, 0, _OFFSET.unpack_from(self._page)[0] + round(seconds * NS_PER_S))

    def close(self) -> None:
        self._page.close()


def _build(library: Path) -> None:
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise LeftOutError("needs Linux and a C compiler (cc)")
    command = [compiler, "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    done = subprocess.run(command, input=_SOURCE, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not os.access(library, os.R_OK):
        raise LeftOutError(f"the C compiler fails: {done.stderr.strip()}")
