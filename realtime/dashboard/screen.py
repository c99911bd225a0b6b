"""The terminal's other screen, which leaves what was there before as it was."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.live import Live

from engines.errors import UserError
from realtime.closing import Closing


class Screen(Closing):
    """A context manager: while it is open, `draw` replaces the picture."""

    def __init__(self, instead: str) -> None:
        """`instead`: what to do without a terminal. Raises UserError where stdout is none, or one without a cursor."""
        self._console = Console()
        if not self._console.is_terminal:
            raise UserError(f"the dashboard needs a terminal and stdout is none: {instead}")
        if self._console.is_dumb_terminal:
            raise UserError(f"this terminal (TERM=dumb) cannot show the dashboard: {instead}")
        # Drawn when asked to alone, by whoever asks; what others print is theirs.
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False,
                          redirect_stderr=False)  # fmt: skip

    def __enter__(self) -> Screen:
        try:
            self._live.start()
        except BaseException:  # Ctrl-C, while the other screen is there already
            self.close()
            raise
        return self

    def draw(self, picture: RenderableType) -> None:
        self._live.update(picture, refresh=True)

    def close(self) -> None:
        self._live.stop()
        if self._console.is_alt_screen:  # an interrupted start has not told `stop` of it
            self._console.set_alt_screen(False)
        self._console.show_cursor(True)
