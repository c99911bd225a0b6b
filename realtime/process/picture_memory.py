"""Memory of pictures is kept when it is freed: a picture of 4K asks the system for 6,000 pages, and clears each."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_BYTES = 32 << 20  # glibc takes no more: a picture of 4K has 25 MB
_KEPT_BYTES = 256 << 20


def keep_picture_memory() -> None:
    """For this process, before its threads start: freed memory is used again. Elsewhere than on glibc nothing is done.

    One arena, since the thread that decodes a picture is not the one that lets it go.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
