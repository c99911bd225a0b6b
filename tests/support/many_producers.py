"""Light producers of synthetic people, many in a process: each stream's keypoints carry a signature."""

from __future__ import annotations

import random
import sys
import time
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from people_in_view import stepping

from engines.models.skeleton import FLIP
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.produce.sender import Sender
from realtime.wire.endpoints import ClientKeys
from realtime.wire.messages import PersonPose

IMAGE_WH = (640, 480)
PERIOD_NS = 33_333_333  # of the source's own time, whatever the pace the frames are sent at
_FOCAL_PX = 554.0
_SEEN = 0.001  # of a score, on the wire
_LOOP = 240  # frames after which the walk begins again
_BODIES = stepping(_LOOP)


def facing_rad(stream: str) -> float:
    """How far a stream's person is turned about the vertical: one of four ways."""
    return zlib.crc32(stream.encode()) % 4 * np.pi / 2


def right_m(stream: str) -> float:
    """Where across the picture a stream's person stands, 4 m away: one of seven places."""
    return (zlib.crc32(stream.encode()) // 4 % 7 - 3) * 0.4


def signature(stream: str) -> NDArray[np.float32]:
    """(17,) the scores of all its keypoints, which its poses carry: another for every stream."""
    numbers = np.frombuffer(zlib.crc32(stream.encode()).to_bytes(4, "big") + stream.encode().ljust(13)[-13:], np.uint8)
    return np.asarray(0.6 + 0.4 * numbers / 255, np.float32)


def bodies_m(stream: str) -> NDArray[np.float64]:
    """(T, 17, 3) in camera axes, the hip at the origin."""
    cos, sin = np.cos(facing_rad(stream)), np.sin(facing_rad(stream))
    return _BODIES @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])


def xy_px_of(stream: str) -> Callable[[int], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """What is seen of a stream's person in each frame: (17, 2) keypoints and (17,) scores."""
    points = bodies_m(stream) + np.array([right_m(stream), 0.1, 4.0])
    xy_px = np.ascontiguousarray(points[..., :2] / points[..., 2:] * _FOCAL_PX + np.array(IMAGE_WH) / 2, np.float32)
    return lambda frame: (xy_px[frame % _LOOP], signature(stream))


def carries_signature(stream: str, person: PersonPose) -> bool:
    """Each seen joint has its stream's own score, or its other side's, where sides were put right."""
    known = signature(stream)
    seen = [joint for joint in range(17) if joint not in person.unseen]
    same = np.minimum(np.abs(person.score - known), np.abs(person.score - known[list(FLIP)])) < _SEEN
    return bool(same[seen].all())


class Light:
    """One stream: each `step` sends its next picture's keypoints, of a person who steps on the spot."""

    def __init__(self, address: str, stream: str, keys: ClientKeys | None = None) -> None:
        self.sender = Sender(address, stream, keys)
        self.sender.tend()
        self._seen = xy_px_of(stream)
        self._frame = 0
        self.ahead_ns = 0  # of the source's own time: set it, and that time has jumped

    def step(self) -> None:
        self.sender.tend()
        if self.sender.useful:
            now_ns = monotonic_ns()
            person = Person2D(0, *self._seen(self._frame))
            stamp = Stamp(self._frame, now_ns, self._frame * PERIOD_NS + self.ahead_ns)
            self.sender.send(Keypoints2D(stamp, IMAGE_WH, (person,), now_ns, 0))
            self._frame += 1


def main(address: str, names: list[str], seed: int, fps: float, restless: bool) -> None:
    """Until killed. `restless`: streams leave, come back and stall at random."""
    chance = random.Random(seed)
    lights: dict[str, Light | None] = {name: None if restless else Light(address, name) for name in names}
    stalled: set[str] = set()
    due_ns = monotonic_ns()
    while True:
        for name, light in lights.items():
            dice = chance.random() if restless else 1.0
            if light is None:
                lights[name] = Light(address, name) if dice < 0.2 else None
            elif dice < 0.02:
                light.sender.close()
                lights[name] = None
            elif dice < 0.04:
                stalled ^= {name}
            elif name not in stalled:
                light.step()
        due_ns = max(due_ns + round(NS_PER_S / fps), monotonic_ns())
        time.sleep(max(0, due_ns - monotonic_ns()) / NS_PER_S)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5] == "restless")
