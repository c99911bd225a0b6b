"""What the system lets this process have."""

from __future__ import annotations

import os
import sys

from engines.errors import UserError

LEAST_DESCRIPTORS = 48  # a session's largest process opens about forty; libzmq aborts where it gets none


def descriptor_limit() -> int | None:
    """How many files may be open at once; None: as many as there is memory for."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit in (resource.RLIM_INFINITY, -1) else limit


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def check_descriptors() -> None:
    """Raises UserError where there are too few to begin with."""
    limit = descriptor_limit()
    if limit is not None and limit < LEAST_DESCRIPTORS:
        raise UserError(f"only {limit} files may be open at once, which is too few: run 'ulimit -n 1024' first")
