"""The lifter process with a note of every frame: when it was woken and sent, and what the system did meanwhile."""

from __future__ import annotations

import gc
import resource
import time
from dataclasses import dataclass
from typing import Any

from realtime.clock import elapsed_ms, monotonic_ns
from realtime.config import RunConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline import lifter_process
from realtime.pipeline.pose_frame import Lift
from realtime.process.link import Link
from realtime.server.publish import Publisher


@dataclass(frozen=True, slots=True)
class FrameNote:
    """Milliseconds of one frame, keypoints to message, and counts of this thread while it was worked on."""

    wake_ms: float  # from the keypoints to the lifter at work
    work_ms: float  # from there to the message
    processor_ms: float  # of it on the processor
    garbage_ms: float  # of it in search of garbage
    page_faults: int
    pushed_off: int  # involuntary switches to another thread
    waited: int  # voluntary ones

    @property
    def message_ms(self) -> float:
        return self.wake_ms + self.work_ms

    @property
    def off_ms(self) -> float:
        """At work, but not on the processor."""
        return max(self.work_ms - self.processor_ms, 0.0)


@dataclass(frozen=True, slots=True)
class Notes:
    """Of all frames of a session: what the watched lifter tells at its end."""

    frames: tuple[FrameNote, ...]


class _Watch:
    """Between the two ends of a frame's work."""

    def __init__(self) -> None:
        self.notes: list[FrameNote] = []
        self._garbage_ns = self._garbage_since_ns = 0
        gc.callbacks.append(self._garbage)

    def _garbage(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._garbage_since_ns = monotonic_ns()
        else:
            self._garbage_ns += monotonic_ns() - self._garbage_since_ns

    def begin(self, keypoints: Keypoints2D) -> None:
        self._detected_ns, self._woken_ns = keypoints.detected_ns, monotonic_ns()
        self._processor_ns, self._usage, self._garbage_ns = time.thread_time_ns(), _usage(), 0

    def end(self) -> None:
        now_ns, usage, before = monotonic_ns(), _usage(), self._usage
        self.notes.append(FrameNote(
            elapsed_ms(self._detected_ns, self._woken_ns), elapsed_ms(self._woken_ns, now_ns),
            (time.thread_time_ns() - self._processor_ns) / 1e6, self._garbage_ns / 1e6,
            usage.ru_minflt + usage.ru_majflt - before.ru_minflt - before.ru_majflt,
            usage.ru_nivcsw - before.ru_nivcsw, usage.ru_nvcsw - before.ru_nvcsw,
        ))  # fmt: skip


def main(link: Link, config: RunConfig) -> None:
    """As the lifter's own; tells Notes when it ends."""
    watch = _Watch()

    class WatchedLift(Lift):
        def __call__(self, keypoints: Keypoints2D) -> PoseFrame:
            watch.begin(keypoints)
            return super().__call__(keypoints)

    class WatchedPublisher(Publisher):
        def send(self, frame: PoseFrame, **options: Any) -> bool:
            sent = super().send(frame, **options)
            watch.end()
            return sent

    for name, watched in (("Lift", WatchedLift), ("Publisher", WatchedPublisher)):
        setattr(lifter_process, name, watched)
    lifter_process.main(link, config)
    link.tell(Notes(tuple(watch.notes)))


def _usage() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_THREAD if hasattr(resource, "RUSAGE_THREAD") else resource.RUSAGE_SELF)
