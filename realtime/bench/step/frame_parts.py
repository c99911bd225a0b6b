"""Where the time of one person's frame goes, from keypoints to the message on its way, watched part by part."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import zmq

from realtime.bench.known_poses import known_keypoints
from realtime.contracts import Keypoints2D

FRAMES = 2000
_SETTLE = 300
_BLOCKS = 40  # watched and unwatched in turns
_FRAME_NS = 33_333_333

# part -> the calls that are it; what a call spends in another part's is that part's
PARTS = {
    "rays": ("calibration.lens.rays:Camera.rays",),
    "clean": ("realtime.pipeline.clean:CleanPeople.push",),
    "resample": ("realtime.pipeline.resample:Resampler.push",),
    "normalise": ("engines.lifting.stream_lifter:StreamLifter._look",),
    "gather": ("engines.lifting.taps:TapMemory.gather",),
    "run": ("engines.backends.onnxruntime:OnnxRuntimeStep.run",),
    "store": ("engines.lifting.taps:TapMemory.store",),
    "turn back": ("engines.lifting.stream_lifter:StreamLifter._answer",),
    "refit": ("calibration.person.body:Body.fit",),
    "place": ("realtime.pipeline.place:Standing.place",),
    "encode": ("realtime.server.publish:encode_pose",),
    "send": ("realtime.server.publish:Publisher._put",),
    "calls between": ("realtime.pipeline.pose_frame:Lift.__call__", "realtime.server.publish:Publisher.send"),
}


class Stopwatch:
    """Microseconds of each part in each frame, without those of the parts that it calls."""

    def __init__(self) -> None:
        self.frames: list[dict[str, float]] = []
        self._now: dict[str, int] = {}
        self._inner_ns = 0

    def next_frame(self) -> None:
        self.frames.append({part: self._now.get(part, 0) / 1e3 for part in PARTS})
        self._now = {}

    def of(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, timed."""

        def timed(*args: Any, **options: Any) -> Any:
            outer_ns, self._inner_ns = self._inner_ns, 0
            start = time.perf_counter_ns()
            try:
                return call(*args, **options)
            finally:
                took = time.perf_counter_ns() - start
                self._now[part] = self._now.get(part, 0) + took - self._inner_ns
                self._inner_ns = outer_ns + took

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            for part, calls in PARTS.items():
                for call in calls:
                    owner, name = _found(call)
                    original = getattr(owner, name)
                    try:
                        setattr(owner, name, self.of(part, original))
                    except TypeError:  # compiled: it is told with the part that calls it
                        continue
                    stack.callback(setattr, owner, name, original)
            yield


def frame_parts(model: str | Path = "default", frames: int = FRAMES) -> dict[str, Any]:
    """Medians in microseconds of each of PARTS, of the whole frame unwatched, and what watching adds to it.

    What is compiled cannot be watched: 0, and its time is its caller's.
    """
    from engines.lifting.load_lifter import load_lifter
    from realtime.config import PlaceConfig
    from realtime.pipeline.pose_frame import Lift
    from realtime.server.publish import Publisher
    from realtime.wire.framing import POSE, topic

    watch, alone_us, watched_us = Stopwatch(), list[float](), list[float]()
    with (
        load_lifter(model, "onnxruntime") as lifter,
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        _listener(publisher.address, topic(POSE, "main")),
    ):
        lift = Lift(lifter, PlaceConfig(floor="off"), "bench", people=1)

        def time_frame(index: int) -> float:
            keypoints = _keypoints(index)
            start = time.perf_counter_ns()
            publisher.send(lift(keypoints), engine=lifter.engine, model=lifter.name)
            took_us = (time.perf_counter_ns() - start) / 1e3
            lift.finish()
            return took_us

        for index in range(_SETTLE):
            time_frame(index)
        block = max(1, frames // (2 * _BLOCKS))
        for first in range(_SETTLE, _SETTLE + frames, 2 * block):
            alone_us += [time_frame(index) for index in range(first, first + block)]
            with watch.watching():
                for index in range(first + block, first + 2 * block):
                    watched_us.append(time_frame(index))
                    watch.next_frame()
    parts_us = {part: round(median(frame[part] for frame in watch.frames), 2) for part in PARTS}
    whole_us = median(alone_us)
    return {"parts_us": parts_us, "whole_us": round(whole_us, 2),
            "watching_us": round(median(watched_us) - whole_us, 2)}  # fmt: skip


def _keypoints(index: int) -> Keypoints2D:
    """Of the made-up take, without its frames that show nobody, at 30 frames a second."""
    keypoints = known_keypoints(index // 9 * 10 + index % 9)
    return replace(keypoints, stamp=replace(keypoints.stamp, source_ns=index * _FRAME_NS))


def _found(call: str) -> tuple[Any, str]:
    """What holds "module:name" or "module:Class.name", and the name in it."""
    module, _, path = call.partition(":")
    owner, dot, name = path.rpartition(".")
    found = importlib.import_module(module)
    return (getattr(found, owner) if dot else found), name


@contextmanager
def _listener(address: str, prefix: bytes) -> Iterator[None]:
    """Somebody who listens, so that messages are sent: on this machine, as a viewer would. Only the newest is kept."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.CONFLATE, 1)
        socket.setsockopt(zmq.SUBSCRIBE, prefix)
        socket.connect(address)
        yield
