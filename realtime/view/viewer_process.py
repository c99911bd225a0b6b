"""The viewer process: the stream, as anyone sees it, in a window or a film."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
from pathlib import Path

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import RunConfig, parse_size
from realtime.keys.key_files import SECRET_SUFFIX
from realtime.keys.key_store import KeyStore
from realtime.process.link import Link
from realtime.process.stats import Load
from realtime.ring.picture_slot import PictureSlot, slot_name
from realtime.sources.open_source import open_source, video_path
from realtime.view.remembered import window_file
from realtime.view.source_picture import FilePictures, Pictures, SlotPictures
from realtime.view.view import view
from realtime.wire.endpoints import ClientKeys

_NICENESS = 10

log = logging.getLogger("realtime.view")


class _Orders:
    """The supervisor's orders as the event that `view` looks at in every round: the place to beat, too."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._told_ns = 0

    def is_set(self) -> bool:
        self._link.beat()
        if monotonic_ns() - self._told_ns > NS_PER_S:
            self._told_ns = monotonic_ns()
            self._link.tell(Load.now())
        return self._link.stopping


def main(link: Link, config: RunConfig) -> None:
    """Reads pose3d. Draws. Beats every round. Ends when told to, or when its window is closed (the stream goes on)."""
    _stand_back()
    keys = own_keys(config.stream.keys) if config.stream.keys else None
    drawn = view(
        reachable(config.stream.address), stream=config.stream.name, render=config.view.render, keys=keys,
        wait_s=math.inf, drain_s=math.inf, stop=_Orders(link), on_ready=lambda: link.ready(_what(config)),
        overwrite=config.view.overwrite, layout=config.view.layout, fps=config.view.fps,
        size_wh=None if config.view.size is None else parse_size(config.view.size), smooth=config.view.smooth,
        remembered=window_file(),
        pictures=lambda: _pictures(link, config),
    )  # fmt: skip
    if config.view.render is not None and drawn.frames:
        missed = f", {drawn.missed} frames are missing in it" if drawn.missed else ""
        log.info("%s holds %d pictures%s", config.view.render, drawn.frames, missed)


def _pictures(link: Link, config: RunConfig) -> Pictures:
    """A film of a file reads it once more; all else is what the producer leaves."""
    source = config.source
    if config.view.render is None or video_path(source.name) is None:
        return SlotPictures(PictureSlot.attach(slot_name(link.ring_name)))
    return FilePictures(open_source(
        source.name, loop=source.loop, max_speed=True, mirror=source.mirror, start_s=source.start_s,
        file_fps=source.file_fps, rotate_deg=source.rotate_deg,
    ))  # fmt: skip


def _stand_back() -> None:
    """The detector and the lifter need the processor first. Matters where there is no GPU and drawing is computed."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa's software renderer would take every core
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # wakes up without pushing others aside


def own_keys(directory: Path) -> ClientKeys:
    """The viewer is a client like any other: its pair is made, and put on the allow-list, when there is none yet."""
    store = KeyStore(directory)
    secret = directory / f"viewer{SECRET_SUFFIX}"
    if not secret.exists():
        store.new("viewer")
        store.allow("viewer")
    return ClientKeys.load(secret, store.server().public)


def _what(config: RunConfig) -> str:
    return f"drawing into {config.view.render}" if config.view.render else "a window (close it, and the stream goes on)"


def reachable(address: str) -> str:
    """Where to connect for an address to bind: all interfaces are reached through the loopback one."""
    return re.sub(r"^tcp://(\*|0\.0\.0\.0|\[::\]):", "tcp://127.0.0.1:", address)
