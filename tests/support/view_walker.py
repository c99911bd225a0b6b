"""A walking person for the viewer's tests, published on a real socket at the test's own pace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from realtime.clock import monotonic_ns
from realtime.contracts import Array, Pose3D, PoseFrame, Stamp
from realtime.server.publish import Publisher

IMAGE_WH = (640, 480)
FRAME_NS = 33_333_333
# Facing the camera, camera axes (x right, y down, z forward), relative to the hip.
STANDING_M = np.array((
    (0, 0, 0), (-.13, 0, 0), (-.14, .44, 0), (-.14, .88, 0), (.13, 0, 0), (.14, .44, 0), (.14, .88, 0), (0, -.24, 0),
    (0, -.50, 0), (0, -.58, 0), (0, -.70, 0), (.17, -.46, 0), (.24, -.18, 0), (.27, .06, 0), (-.17, -.46, 0),
    (-.24, -.18, 0), (-.27, .06, 0)), np.float32)  # fmt: skip


def walking(index: int) -> Array:
    """(17, 3): one stride a second; legs and arms swing in the camera's direction."""
    swing = np.sin(2 * np.pi * index / 30)
    joints_m = STANDING_M.copy()
    for joint, reach in ((3, .30), (6, -.30), (2, .15), (5, -.15), (13, .25), (16, -.25), (12, .12), (15, -.12)):
        joints_m[joint, 2] += np.float32(reach * swing)
    return joints_m


def person(index: int, track_id: int = 1, x_m: float = 0.0, *, held: bool = False) -> Pose3D:
    root_m = np.array((x_m, 0.1, 4.0), np.float32)
    ones = np.ones(17, np.float32)
    return Pose3D(track_id, walking(index), root_m, ones * 0.03, ones, 0, 1.0, held)


def frame(index: int, persons: tuple[Pose3D, ...], start_ns: int) -> PoseFrame:
    stamp = Stamp(index, start_ns + index * FRAME_NS, index * FRAME_NS)
    return PoseFrame(stamp, IMAGE_WH, persons, latency_ms={"total": 50.0})


class Walker:
    """Publishes on a thread: nobody until `started` says so, then `count` walking frames (None: for ever)."""

    def __init__(
        self, started: Callable[[], bool], count: int | None = None, people: int = 1, pace_s: float = 0.005
    ) -> None:
        self._started, self._count, self._people, self._pace_s = started, count, people, pace_s
        self._stop = threading.Event()
        self._publisher = Publisher("tcp://127.0.0.1:0", rpc_address=None)
        self.address = self._publisher.address
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Walker:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        start_ns, index, walked = monotonic_ns(), 0, 0
        with self._publisher as publisher:
            while not self._stop.wait(self._pace_s):
                if self._count is not None and walked >= self._count:
                    continue
                walks = self._started()
                people = tuple(person(walked, number, 1.2 * number) for number in range(self._people * walks))
                publisher.send(frame(index, people, start_ns), engine="onnxruntime", model="stream-243")
                index, walked = index + 1, walked + walks


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.glob("frame_*.png"))
