"""Shows a stream as moving 3D skeletons. An ordinary subscriber: it reads the stream alone and cannot stall it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines.errors import UserError
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns, unix_ns
from realtime.view.display import has_display
from realtime.view.follow import Follow
from realtime.view.hud import Hud
from realtime.view.stage import Stage
from realtime.view.video import FrameWriter, open_writer
from realtime.wire.endpoints import DEFAULT_ADDRESS, ClientKeys
from realtime.wire.framing import POSE, VersionError, WireError, topic
from realtime.wire.messages import PoseMessage

_POLL_S = 0.1  # how soon a stop is seen while nothing arrives
_WINDOW_POLL_S = 0.01  # the window goes on answering mouse and keys
_SAY_EVERY_S = 5.0
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

    def reached(self, drawn: int, start_ns: int, now_ns: int) -> bool:
        full = self.frames is not None and drawn >= self.frames
        return full or (self.duration_s is not None and now_ns - start_ns >= self.duration_s * NS_PER_S)


def view(
    address: str = DEFAULT_ADDRESS, *, stream: str = "main", render: Path | None = None,
    size_wh: tuple[int, int] = (960, 720), duration_s: float | None = None, frames: int | None = None,
    wait_s: float = 10.0, drain_s: float = 10.0, stop: StopEvent | None = None,
    on_ready: Callable[[], None] | None = None, angle_deg: tuple[float, float] = (32.0, 14.0), supersample: int = 2,
    keys: ClientKeys | None = None, overwrite: bool = False,
) -> ViewSummary:  # fmt: skip
    """Draws until a limit, `stop`, or the window is closed. Call it from a process's main thread.

    `render` None opens a window, which shows the newest pose and waits for a stream that pauses. Else every frame goes
    to that .mp4 (a new one unless `overwrite`) or folder of PNGs, at the stream's times; a stream silent for `wait_s`
    after its first frame ends it, and after `stop` what was published before it is drawn for up to `drain_s` more.
    `duration_s` counts from the first frame: by the clock in a window, by capture times when rendering. `angle_deg` is
    azimuth and elevation.
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
        writer = stack.enter_context(open_writer(render, size_wh, overwrite)) if render is not None else None
        stage = stack.enter_context(
            Stage(size_wh, window=writer is None, title=f"realtime: {stream} at {address}", angle_deg=angle_deg,
                  supersample=supersample)
        )  # fmt: skip
        subscriber = stack.enter_context(
            Subscriber(address, stream, latest_only=writer is None, high_water=_BACKLOG, keys=keys)
        )
        if on_ready is not None:
            on_ready()
        if writer is None:
            return _show(subscriber, stage, limits)
        return _render(subscriber, stage, writer, limits)


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


def _render(subscriber: Subscriber, stage: Stage, writer: FrameWriter, limits: _Limits) -> ViewSummary:
    """Every frame, off screen. Frames wait in the subscriber while one is drawn."""
    follow, hud = Follow(), Hud()
    start_ns = drawing_ns = 0
    heard_ns, stopped_ns, stopped_unix_ns = monotonic_ns(), 0, 0
    while True:
        if limits.stopped() and not stopped_ns:
            stopped_ns, stopped_unix_ns = monotonic_ns(), unix_ns()
        message = _receive(subscriber, 0 if stopped_ns else _POLL_S)
        now_ns = monotonic_ns()
        if message is None:
            if stopped_ns:
                break
            if now_ns - heard_ns > limits.wait_s * NS_PER_S:
                if not writer.frames:
                    raise _no_stream(subscriber, limits.wait_s)
                log.info("the stream has been silent for %g s: done", limits.wait_s)
                break
            continue
        if stopped_ns and message.t_publish_ns > stopped_unix_ns:
            break  # drawn is what was published before the stop
        heard_ns, start_ns = now_ns, start_ns or message.t_capture_ns
        if limits.reached(writer.frames, start_ns, message.t_capture_ns):
            break
        follow.update(message)
        hud.update(message)
        stage.draw(follow)
        image = stage.image()
        hud.draw(image, subscriber.rate_hz)
        writer.write(image, message.t_capture_ns / NS_PER_S)
        drawing_ns += monotonic_ns() - now_ns
        if stopped_ns and monotonic_ns() - stopped_ns > limits.drain_s * NS_PER_S:
            log.warning("stopped with frames still to draw: the picture ends early")
            break
    return _summary(writer.frames, drawing_ns, subscriber, closed=False)


def _show(subscriber: Subscriber, stage: Stage, limits: _Limits) -> ViewSummary:
    """The newest frame, in a window that stays responsive while nothing arrives."""
    follow, hud = Follow(), Hud()
    drawn = drawing_ns = start_ns = 0
    open_still, said_ns, began_ns = True, monotonic_ns(), monotonic_ns()
    while open_still and not limits.stopped():
        message = _receive(subscriber, _WINDOW_POLL_S)
        now_ns = monotonic_ns()
        if message is not None:
            follow.update(message)
            hud.update(message)
            stage.draw(follow)
            drawn += 1
            if not start_ns:  # now it is known how large the scene is
                start_ns = now_ns
                stage.reset_view()
        elif not start_ns and now_ns - began_ns > limits.wait_s * NS_PER_S:
            raise _no_stream(subscriber, limits.wait_s)
        open_still = stage.refresh(changed=message is not None)
        drawing_ns += monotonic_ns() - now_ns if message is not None else 0
        if now_ns - said_ns > _SAY_EVERY_S * NS_PER_S:
            said_ns = now_ns
            log.info("%s", hud.text(subscriber.rate_hz) if subscriber.alive else "the stream is silent")
        if start_ns and limits.reached(drawn, start_ns, now_ns):
            break
    return _summary(drawn, drawing_ns, subscriber, closed=not open_still)


def _summary(drawn: int, drawing_ns: int, subscriber: Subscriber, *, closed: bool) -> ViewSummary:
    return ViewSummary(drawn, subscriber.gaps, drawing_ns / NS_PER_MS / max(1, drawn), closed)
