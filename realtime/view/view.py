"""Shows a stream as moving 3D skeletons. An ordinary subscriber: it reads the stream alone and cannot stall it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines.errors import UserError
from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns, unix_ns
from realtime.view.display import has_display
from realtime.view.film import Film, time_s
from realtime.view.keypoints_feed import KeypointsFeed
from realtime.view.open_output import open_writer
from realtime.view.picture import Show
from realtime.view.remembered import WindowView, recall, remember
from realtime.view.scene.stage import ANGLE_DEG, SIZE_WH, Stage
from realtime.view.source_picture import Pictures, SourcePicture
from realtime.view.window import Window
from realtime.wire.endpoints import DEFAULT_ADDRESS, ClientKeys
from realtime.wire.framing import POSE, VersionError, WireError, topic
from realtime.wire.messages import PoseMessage

_POLL_S = 0.1  # how soon a stop is seen while nothing arrives
_SAY_EVERY_S = 3.0
_BACKLOG = 20_000  # frames that wait for the renderer, about 2 kB each: ten minutes

log = logging.getLogger("realtime.view")


class StopEvent(Protocol):
    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ViewSummary:
    frames: int  # drawn
    missed: int  # published but never received
    draw_ms: float  # mean time to draw one
    closed: bool  # the user closed the window


@dataclass(frozen=True, slots=True)
class _Limits:
    frames: int | None
    duration_s: float | None
    wait_s: float
    drain_s: float
    stop: StopEvent | None

    def stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def reached(self, drawn: int, since_s: float) -> bool:
        full = self.frames is not None and drawn >= self.frames
        return full or (self.duration_s is not None and since_s >= self.duration_s)


def view(
    address: str = DEFAULT_ADDRESS, *, stream: str = "main", render: Path | None = None,
    size_wh: tuple[int, int] | None = None, duration_s: float | None = None, frames: int | None = None,
    wait_s: float = 10.0, drain_s: float = 10.0, stop: StopEvent | None = None,
    on_ready: Callable[[], None] | None = None, angle_deg: tuple[float, float] | None = None, supersample: int = 2,
    keys: ClientKeys | None = None, overwrite: bool = False, layout: str = "inset", panel: bool = True,
    fps: float | None = None, turntable_s: float | None = None, smooth: bool = True,
    remembered: Path | None = None, pictures: Callable[[], Pictures | None] = lambda: None,
) -> ViewSummary:  # fmt: skip
    """Draws until a limit, `stop`, or the window is closed. Call it from a process's main thread.

    `render` None opens a window, which shows the newest pose and waits for a stream that pauses. Else every frame goes
    to that film, sheet or folder of PNGs (a new one unless `overwrite`), at the source's own tempo; a stream silent for
    `wait_s` after its first frame ends it, and after `stop` what was published before it is drawn for up to `drain_s`
    more. `duration_s` counts from the first frame: by the clock in a window, by the source's time when rendering.
    `angle_deg` is azimuth and elevation. `smooth`: a window draws pictures between two poses
    where it has time. `remembered`: a file that keeps a window's size and view for the next one, for what is not given
    here; without it 960x720, from the side. `pictures`: where the source's own are, where they can be seen at all.
    `on_ready` is called once the picture can be drawn and the socket is open, before the first frame.

    Raises UserError: no display or EGL, an output that cannot be written, no stream within `wait_s`.
    """
    if render is None and not has_display():
        raise UserError("no display for a window: draw off screen with --render OUT.mp4")
    try:
        topic(POSE, stream)
    except WireError as error:
        raise UserError(str(error)) from error
    limits = _Limits(frames, duration_s, wait_s, drain_s, stop)
    with contextlib.ExitStack() as stack:
        before = recall(remembered) if remembered is not None and render is None else None
        size_wh = size_wh or ((before.width, before.height) if before is not None else SIZE_WH)
        writer = stack.enter_context(open_writer(render, size_wh, overwrite)) if render is not None else None
        stage = stack.enter_context(
            Stage(size_wh, window=writer is None, title=f"realtime: {stream} at {address}",
                  angle_deg=angle_deg or ANGLE_DEG, supersample=supersample)
        )  # fmt: skip
        if before is not None and angle_deg is None:
            stage.eye.look_from(before.azimuth_deg, before.elevation_deg, before.zoom)
        subscriber = stack.enter_context(
            Subscriber(address, stream, latest_only=writer is None, high_water=_BACKLOG, keys=keys)
        )
        source = None
        if layout != "3d" and (seen := pictures()) is not None:
            feed = KeypointsFeed(address, stream, keys)
            source = stack.enter_context(SourcePicture(seen, feed, *([0.0] if writer is None else [])))
        if on_ready is not None:
            on_ready()
        if writer is None:
            if remembered is not None:
                stack.callback(_remember, stage, remembered)
            status = stack.enter_context(StatusListener(address, stream, keys))
            return _show(subscriber, Window(stage, source, Show(layout, panel, smooth=smooth), status.trouble), limits)
        return _render(subscriber, Film(stage, writer, Show(layout, panel), source, fps, turntable_s), limits)


def _remember(stage: Stage, path: Path) -> None:
    """The window as it is now, before it closes."""
    (width, height), (azimuth_deg, elevation_deg) = stage.eye.size_wh, stage.eye.angle_deg
    try:
        remember(path, WindowView(width, height, azimuth_deg, elevation_deg, stage.eye.zoom))
    except ValueError as error:  # made so small or large that it cannot be opened again
        log.warning("the window's size and view are not kept: %s", error)


def _receive(subscriber: Subscriber, timeout_s: float) -> PoseMessage | None:
    try:
        return subscriber.receive(timeout_s)
    except StreamTimeoutError:
        return None
    except VersionError as error:
        raise UserError(str(error)) from error


def _no_stream(subscriber: Subscriber, wait_s: float) -> UserError:
    return UserError(
        f"no pose on stream '{subscriber.stream}' from {subscriber.address} within {wait_s:g} s: "
        "start 'realtime run', or name its address and --stream"
    )


def _render(subscriber: Subscriber, film: Film, limits: _Limits) -> ViewSummary:
    """Every frame, off screen. Frames wait in the subscriber while one is drawn."""
    start_s: float | None = None
    heard_ns, stopped_ns, stopped_unix_ns = monotonic_ns(), 0, 0
    drain = _Drain(limits.drain_s)
    while True:
        if limits.stopped() and not stopped_ns:
            stopped_ns, stopped_unix_ns = monotonic_ns(), unix_ns()
        message = _receive(subscriber, 0 if stopped_ns else _POLL_S)
        now_ns = monotonic_ns()
        if message is None:
            if stopped_ns:
                break
            if now_ns - heard_ns > limits.wait_s * NS_PER_S:
                if not film.frames:
                    raise _no_stream(subscriber, limits.wait_s)
                log.info("the stream has been silent for %g s: done", limits.wait_s)
                break
            continue
        if stopped_ns and message.t_publish_ns > stopped_unix_ns:
            break  # drawn is what was published before the stop
        heard_ns, start_s = now_ns, time_s(message) if start_s is None else start_s
        if limits.reached(film.frames, time_s(message) - start_s):
            break
        film.add(message, subscriber.rate_hz)
        if stopped_ns and drain.over(film, stopped_ns):
            break
    return ViewSummary(film.frames, subscriber.gaps, film.draw_ms, closed=False)


class _Drain:
    """What is still to be drawn after a stop."""

    def __init__(self, drain_s: float) -> None:
        self._drain_s, self._said_ns = drain_s, monotonic_ns()

    def over(self, film: Film, stopped_ns: int) -> bool:
        """Whether the time for it is up; says now and then how far it is."""
        now_ns = monotonic_ns()
        if now_ns - stopped_ns > self._drain_s * NS_PER_S:
            log.warning("stopped with frames still to draw: the picture ends early")
            return True
        if now_ns - self._said_ns > _SAY_EVERY_S * NS_PER_S:
            self._said_ns = now_ns
            log.info("finishing the film: %d pictures so far (Ctrl-C again leaves it undone)", film.frames)
        return False


def _show(subscriber: Subscriber, window: Window, limits: _Limits) -> ViewSummary:
    """The newest frame, in a window that stays responsive while nothing arrives."""
    drawn = drawing_ns = start_ns = 0
    open_still, began_ns = True, monotonic_ns()
    while open_still and not limits.stopped():
        message = _receive(subscriber, window.wait_s())
        now_ns = monotonic_ns()
        if message is not None:
            open_still = window.show(message, subscriber)
            drawn, start_ns = drawn + 1, start_ns or now_ns
            drawing_ns += monotonic_ns() - now_ns
        else:
            if not start_ns and now_ns - began_ns > limits.wait_s * NS_PER_S:
                raise _no_stream(subscriber, limits.wait_s)
            open_still = window.idle(subscriber)
        if start_ns and limits.reached(drawn, (now_ns - start_ns) / NS_PER_S):
            break
    return ViewSummary(drawn, subscriber.gaps, drawing_ns / NS_PER_MS / max(1, drawn), closed=not open_still)
