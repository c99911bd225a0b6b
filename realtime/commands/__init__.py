"""One module a command: options and help only; the work is imported when the command runs."""
