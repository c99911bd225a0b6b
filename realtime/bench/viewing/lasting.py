"""What a window takes of memory while it is looked at for long: people come and go, walk about, are held and lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from realtime.bench.viewing.walkers import Stream, walkers
from realtime.view.source_picture import Image
from realtime.wire.messages import PoseMessage

_SAMPLES = 20
_WARM = 0.2  # of the poses: until then memory still settles
_APART, _STAYS = 37, 9  # poses between two newcomers, of whom each stays for up to so many times that
_HELD = 12  # the last poses of whoever leaves
_EMPTY_EVERY, _EMPTY = 1500, 60  # now and then nobody is there
_SESSION = 4000  # poses of a session


def lasting(poses: int, size_wh: tuple[int, int]) -> dict[str, Any]:
    """Draws so many in a window with the source's picture beside them; the process's memory on the way, in MB."""
    from realtime.view.keypoints_feed import KeypointsFeed
    from realtime.view.picture import Show
    from realtime.view.scene.stage import Stage
    from realtime.view.source_picture import SourcePicture
    from realtime.view.window import Window

    process, rss_mb, most, every = psutil.Process(), list[float](), 0, max(1, poses // _SAMPLES)
    feed = KeypointsFeed("tcp://127.0.0.1:1", "main")  # nobody: the pictures are drawn without keypoints
    with Stage(size_wh, window=True) as stage, SourcePicture(_Noise(), feed, 0.0) as source:
        window = Window(stage, source, Show("inset"))
        for index, message in enumerate(crowd(poses), 1):
            window.show(message, Stream())
            most = max(most, len(message.persons))
            if index % every == 0:
                rss_mb.append(round(process.memory_info().rss / 1e6, 1))
                sys.stderr.write(f"{index} poses: {rss_mb[-1]} MB\n")
    warm = rss_mb[int(_WARM * len(rss_mb)) :]
    slope = np.polyfit(np.arange(len(warm)) * every / 1000, warm, 1)[0] if len(warm) > 2 else None
    return {
        "poses": poses, "most_people": most, "ids": poses // _APART + 1, "warm_mb": warm[0], "end_mb": warm[-1],
        "most_mb": max(warm), "slope_mb_per_1000": None if slope is None else round(float(slope), 4), "rss_mb": rss_mb,
    }  # fmt: skip


def report(poses: int, size: str, size_wh: tuple[int, int]) -> None:
    """Prints it. Last line: one JSON object."""
    row = lasting(poses, size_wh)
    sys.stderr.write(f"{row['warm_mb']} MB after the warm-up, {row['end_mb']} MB after {poses} poses\n")
    sys.stdout.write(json.dumps({"bench": "redraw", "size": size, "lasting": row}) + "\n")


def crowd(poses: int) -> Iterator[PoseMessage]:
    """Up to `_STAYS` people at once, each of an id of their own, who walk across the room and back."""
    for index in range(poses):
        newest = index // _APART
        here = [one for one in range(max(0, newest - _STAYS), newest + 1) if index < _leaves(one)]
        made = walkers(index, 0 if index % _EMPTY_EVERY < _EMPTY else len(here))
        persons = tuple(
            replace(person, id=one, held=index >= _leaves(one) - _HELD, root_m=person.root_m + _walked_m(index, one))
            for one, person in zip(here, made.persons, strict=False)
        )
        session = f"session {index // _SESSION}"
        yield replace(made, persons=persons, session=session, new_session=index % _SESSION == 0)


def _walked_m(index: int, person: int) -> NDArray[np.float32]:
    return np.array((np.sin(index / 50 + person), 0, np.cos(index / 70 + person)), np.float32)


def _leaves(person: int) -> int:
    """The pose from which on they are gone."""
    return person * _APART + _APART * (1 + person % _STAYS)


class _Noise:
    """Pictures of a source, no two alike."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)

    def of(self, message: PoseMessage) -> tuple[int, Image, float]:
        return message.frame_id, self._noise ^ np.uint8(message.frame_id % 251), 1.0

    def close(self) -> None:
        """Nothing is open."""
