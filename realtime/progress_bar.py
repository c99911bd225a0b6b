"""The progress bar of commands that take a while: on a terminal alone, and gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress


def progress_bar() -> Progress:
    """On stderr, as a context manager. Where stderr is no terminal it shows nothing, not even an empty line."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)
