"""The one exception a user is meant to read."""

from __future__ import annotations

import errno

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of an OSError: a disk, a quota or a file is full


class UserError(Exception):
    """A mistake or a missing thing that the user can mend. The message is one sentence that says what to do.

    The command line prints it without a traceback and exits with code 2.
    """
