"""Draws a stream until it is told to stop: `realtime watch`, and the thread behind `realtime run --dashboard`."""

from __future__ import annotations

import time
from collections.abc import Callable

from realtime.dashboard.feed import Feed
from realtime.dashboard.panel import Around, Dashboard
from realtime.dashboard.screen import Screen
from realtime.wire.endpoints import ClientKeys

REFRESH_S = 0.25
NO_TERMINAL = "run it in one, or print the stream with 'realtime listen'"


def watch(address: str, stream: str = "main", keys: ClientKeys | None = None) -> None:
    """Until Ctrl-C. Raises UserError where stdout is no terminal, or for an address or keys that cannot be used."""
    screen = Screen(NO_TERMINAL)
    try:
        with Feed(address, stream, keys) as feed, screen:
            show(feed, screen, time.sleep)
    except KeyboardInterrupt:
        pass  # the way to end it


def show(
    feed: Feed, screen: Screen, pause: Callable[[float], object], around: Callable[[], Around] = Around
) -> None:
    """Reads and draws four times a second until `pause`, which waits so long, says that it is over."""
    title = f"realtime: {feed.stream} at {feed.address}"
    while True:
        screen.draw(Dashboard(title, feed.read(), around()))
        if pause(REFRESH_S):
            break
