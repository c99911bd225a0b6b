"""`realtime produce`: capture and detector here, the rest on a server. No picture leaves this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from realtime.clock import deadline_ns, monotonic_ns
from realtime.config import RunConfig
from realtime.contracts import Keypoints2D, Person2D
from realtime.detectors.choose_detector import with_detector
from realtime.pipeline.producer_process import open_configured, open_configured_detector, shown_as
from realtime.produce.sender import Sender
from realtime.sources.address import is_live
from realtime.sources.lasting_source import LastingSource
from realtime.sources.source import Frame
from realtime.sources.source_watch import SourceWatch
from realtime.wire.endpoints import ClientKeys
from realtime.wire.framing import KEYPOINTS, topic

READ_TIMEOUT_S = 0.1

log = logging.getLogger("realtime.produce")


class Stops(Protocol):
    """An event, or what is asked as one in every round."""

    def is_set(self) -> bool: ...


def produce(config: RunConfig, address: str, stream: str, keys: ClientKeys | None, stop: Stops,
            on_ready: Callable[[str], None] = lambda _: None) -> None:  # fmt: skip
    """Until `stop`, the source's end, or as many frames or seconds as the configuration says. `on_ready` is told what
    the source is, once all is set up. Raises UserError."""
    topic(KEYPOINTS, stream)  # raises for a name that cannot be a stream's, before a camera is opened
    config = with_detector(config)
    options = config.source
    with (
        LastingSource(partial(open_configured, options), is_live(options.name), False, options.give_up_s) as source,
        open_configured_detector(config.detector) as detector,
        Sender(address, stream, keys) as sender,
    ):
        if source.source is not None:
            log.info("%s", shown_as(source.source))
        on_ready(source.away if source.source is None else shown_as(source.source))
        watch, end_ns = SourceWatch(sender), deadline_ns(config.duration_s)
        while not stop.is_set() and (end_ns is None or monotonic_ns() < end_ns):
            sender.tend()
            if config.frames is not None and sender.sent + sender.left_out >= config.frames:
                break
            try:
                frame = source.read(READ_TIMEOUT_S)
            except TimeoutError:
                watch.silent(source.away, source.reconnecting)
                continue
            if frame is None:
                break
            if not sender.useful:  # nobody would get what is seen
                continue
            repeated = watch.repeated(frame.image_bgr, source.fps)
            persons = () if repeated else detector.detect(frame)  # nothing new: who was in it is held by the server
            sender.send(_keypoints(frame, persons, source.dropped))
        log.info("%d frames sent, %d left out", sender.sent, sender.left_out)


def _keypoints(frame: Frame, persons: tuple[Person2D, ...], dropped: int) -> Keypoints2D:
    height, width = frame.image_bgr.shape[:2]
    return Keypoints2D(frame.stamp, (width, height), persons, monotonic_ns(), dropped)
