"""The one exception a user is meant to read."""


class UserError(Exception):
    """A mistake or a missing thing that the user can mend. The message is one sentence that says what to do.

    The command line prints it without a traceback and exits with code 2.
    """
