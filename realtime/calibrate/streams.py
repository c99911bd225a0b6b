"""A person's keypoints from running streams: what `realtime run` and `realtime serve` publish of several cameras."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calibration.profiles import camera_for
from engines.errors import UserError
from realtime.client.reconnect import Reconnect
from realtime.clock import NS_PER_S, deadline_ns, monotonic_ns
from realtime.files.keypoints_file import KeypointsFile
from realtime.progress_bar import progress_bar
from realtime.wire.decode import decode_keypoints
from realtime.wire.endpoints import ClientKeys, open_subscriber, own_context
from realtime.wire.framing import KEYPOINTS, WireError, topic
from realtime.wire.messages import KeypointsMessage

_POLL_MS = 200

log = logging.getLogger("realtime.calibrate")


def watch_streams(
    streams: Sequence[str], lenses: Mapping[str, Path], address: str, seconds: float, keys: ClientKeys | None = None
) -> dict[str, KeypointsFile]:  # fmt: skip
    """The person seen longest in each, on the publisher's clock, for `seconds` from the first frame of all.

    Raises UserError for a stream that sends nothing within that time, or in which nobody is seen.
    """
    heard: dict[str, list[KeypointsMessage]] = {name: [] for name in streams}
    with own_context() as context, progress_bar() as bar:
        socket = open_subscriber(context, address, [topic(KEYPOINTS, name) for name in streams], keys=keys)
        reconnect = Reconnect(socket, address)
        task, end_ns = bar.add_task("watching", total=seconds), deadline_ns(seconds)
        assert end_ns is not None
        begun = False
        while monotonic_ns() < end_ns:
            if socket.poll(_POLL_MS):
                try:
                    message = decode_keypoints(socket.recv())
                except WireError as error:
                    log.debug("skipped a message: %s", error)
                    continue
                heard[message.stream].append(message)
                if not begun and all(heard.values()):
                    begun, end_ns = True, monotonic_ns() + int(seconds * NS_PER_S)
            else:
                reconnect.tend()
            bar.update(task, completed=seconds - (end_ns - monotonic_ns()) / NS_PER_S)
        reconnect.close()
        context.destroy(linger=0)
    return {name: _person(name, messages, lenses.get(name), address) for name, messages in heard.items()}


def _person(name: str, messages: list[KeypointsMessage], lens: Path | None, address: str) -> KeypointsFile:
    if not messages:
        raise UserError(f"no keypoints of stream '{name}' came from {address}: is it running, and is that its name?")
    image_wh = messages[-1].image_wh
    rows: dict[int, list[tuple[float, np.ndarray, np.ndarray]]] = defaultdict(list)
    for message in messages:
        for person in message.persons:
            if message.image_wh == image_wh and not message.repeated:
                rows[person.id].append((message.t_capture_ns / NS_PER_S, person.xy_px, person.score))
    longest = max(rows.values(), key=len, default=None)
    if longest is None:
        raise UserError(f"nobody was seen in stream '{name}': stand where all of you is in the picture")
    times, xy, score = zip(*longest, strict=True)
    t_s = np.maximum.accumulate(np.array(times))
    return KeypointsFile(np.stack(xy), np.stack(score), t_s, camera_for(lens, name, image_wh))
