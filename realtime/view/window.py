"""The window: the newest pose, keys and mouse, a picture that stays alive while the stream is silent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import cv2

from realtime.client.subscribe import ALIVE_S
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import LAYOUTS
from realtime.view.panel import card
from realtime.view.picture import Picture, Show
from realtime.view.scene.between import Between, Pace
from realtime.view.scene.follow import Follow
from realtime.view.scene.overlay import Card, Overlay
from realtime.view.scene.stage import Stage
from realtime.view.source_picture import SourcePicture
from realtime.wire.messages import PoseMessage

_POLL_S = 0.01
_REDRAW_S = 0.25  # a silent stream is drawn again so often: its state changes
_ANGLES_DEG = {"1": (0.0, 0.0), "2": (90.0, 0.0), "3": (0.0, 84.0), "4": (32.0, 14.0)}
_HELP = (
    ("?", "this help"), ("space", "pause"), ("1 2 3 4", "front, side, top, first view"), ("R", "reset the view"),
    ("L", "layout: inset, side, 3d"), ("P", "panel"), ("I", "ids"), ("F", "trail"), ("C", "camera and axes"),
    ("E", "feet and hands"), ("M", "motion between poses"), ("S", "save a picture"), ("Q", "quit"),
    ("mouse", "drag turns, wheel zooms, Ctrl and drag moves"),
)  # fmt: skip

log = logging.getLogger("realtime.view")


class Stream(Protocol):
    """What is said of the stream: a subscriber."""

    @property
    def rate_hz(self) -> float: ...
    @property
    def address(self) -> str: ...


class Window:
    """`show` each message as it comes, `idle` in between; False once the user has closed it."""

    def __init__(
        self, stage: Stage, source: SourcePicture | None, show: Show, trouble: Callable[[], str] = str
    ) -> None:
        """`trouble`: what the stream says is the matter with it, in words."""
        self.picture, self._show = Picture(stage, source, show), show
        self._stage, self._trouble = stage, trouble
        self._overlay = Overlay(stage.open3d, stage.visualizer)
        self._pace, self._between = Pace(), Between()
        self.between = 0  # pictures drawn between two poses
        self._paused = False
        self._drawn_ns = 0
        self._came_ns = 0
        for key, act in self._keys().items():
            stage.on_key(key, act)

    def show(self, message: PoseMessage, subscriber: Stream) -> bool:
        self._came_ns = monotonic_ns()
        if not self._paused:
            self.picture.update(message)
            self._between.update(self.picture.follow, message.t_capture_ns, self._came_ns)
        self._pace.arrived(self._came_ns)
        return self._draw(subscriber)

    def idle(self, subscriber: Stream) -> bool:
        now_ns = monotonic_ns()
        if self._show.smooth and not self._paused and self._pace.due(now_ns):
            self.between += 1
            return self._draw(subscriber, self._between.at(self.picture.follow, now_ns))
        if now_ns - self._drawn_ns > _REDRAW_S * NS_PER_S:
            return self._draw(subscriber)
        return self._stage.refresh(changed=False)

    def wait_s(self) -> float:
        """How long to wait for a message before `idle`: the window goes on answering mouse and keys."""
        wait_ns = self._pace.wait_ns(monotonic_ns()) if self._show.smooth and not self._paused else None
        return _POLL_S if wait_ns is None else min(_POLL_S, max(0, wait_ns) / NS_PER_S)

    def state(self, subscriber: Stream) -> str:
        """What keeps the picture from being live, in words; empty where nothing does."""
        if self._paused:
            return "paused: space goes on"
        trouble = self._trouble()
        if not self._came_ns:
            return f"waiting for {subscriber.address}" + (f": {trouble}" if trouble else "")
        silent_s = (monotonic_ns() - self._came_ns) / NS_PER_S
        return f"no pose for {silent_s:.0f} s: {trouble or 'waiting'}" if silent_s > ALIVE_S else ""

    def _draw(self, subscriber: Stream, seen: Follow | None = None) -> bool:
        began_ns = self._drawn_ns = monotonic_ns()
        self._stage.eye.follow_window()
        arrangement = self.picture.draw(seen)
        cards = self.picture.cards(arrangement, subscriber.rate_hz, self.state(subscriber))
        if self._show.help:
            text = card(_HELP, arrangement.letter_px)
            width, height = self._stage.eye.size_wh
            cards.append(Card("help", (width - text.shape[1]) // 2, (height - text.shape[0]) // 2, text))
        self._overlay.show(cards, self._stage.eye.camera)
        still_open = self._stage.refresh(changed=True)
        self._pace.drew(began_ns, monotonic_ns())
        return still_open

    def _keys(self) -> dict[str, Callable[[], None]]:
        stage, show = self._stage, self._show

        def flip(name: str) -> Callable[[], None]:
            return lambda: setattr(show, name, not getattr(show, name))

        def look(angle_deg: tuple[float, float]) -> Callable[[], None]:
            return lambda: stage.eye.look_from(*angle_deg)

        def next_layout() -> None:
            show.layout = LAYOUTS[(LAYOUTS.index(show.layout) + 1) % len(LAYOUTS)]

        def pause() -> None:
            self._paused = not self._paused

        return {
            "/": flip("help"), "H": flip("help"), "P": flip("panel"), "I": flip("ids"), "F": flip("trail"),
            "C": flip("marks"), "E": flip("extremities"), "M": flip("smooth"), " ": pause, "L": next_layout,
            "R": stage.eye.reset, "S": self._save, **{key: look(angle) for key, angle in _ANGLES_DEG.items()},
        }  # fmt: skip

    def _save(self) -> None:
        path = Path(f"realtime-{datetime.now():%Y%m%d-%H%M%S}.png").absolute()
        saved = cv2.imwrite(str(path), self._stage.image())
        log.info("saved %s" if saved else "cannot write %s", path)
