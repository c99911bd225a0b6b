"""One module a command, in rooms by what a person wants: options and help only; the work is imported when it runs."""
