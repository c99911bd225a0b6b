"""The one exception a user is meant to read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of an OSError: a disk, a quota or a file is full


class UserError(Exception):
    """A mistake or a missing thing that the user can mend. The message is one sentence that says what to do.

    The command line prints it without a traceback and exits with code 2.
    """


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises UserError where `path` is there already, unless it is to be replaced."""
    if path.exists() and not overwrite:
        raise already_there(path)


def already_there(path: Path) -> UserError:
    return UserError(f"{path} exists: choose another name or add --overwrite")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around whatever makes `path`: what the system refuses becomes a UserError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"cannot write {path} ({reason}): check your rights and the space, or choose another place"
                        ) from error  # fmt: skip
