"""Look-ahead over a recording: lifted poses brought to the frames they are the poses of, as soon as these are known.

A lifter that looks ahead answers late, at the ticks of its own clock. Over a recording nobody waits: each frame gets
the pose of its own time, between the two ticks around it.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from realtime.clock import NS_PER_S
from realtime.contracts import Array
from realtime.pipeline.clean import Sighting
from realtime.pipeline.lift_batch import LiftedPerson
from realtime.pipeline.resample import RATE_HZ

_RATE_FRAMES = 61  # the newest frames, which tell how fast they come


class OwnFrames:
    """Of one person: `see` each frame, `take` the poses that came, get those frames whose poses are settled."""

    def __init__(self) -> None:
        self.times_ns: deque[int] = deque(maxlen=_RATE_FRAMES)  # of the newest frames
        self._waiting: deque[tuple[int, Sighting]] = deque()
        self._known: dict[int, LiftedPerson] = {}  # of several poses of one time the last: it saw more

    def see(self, source_ns: int, sighting: Sighting) -> None:
        self.times_ns.append(source_ns)
        self._waiting.append((source_ns, sighting))

    def take(
        self, poses: Iterable[LiftedPerson], last: bool = False
    ) -> Iterator[tuple[int, Sighting, LiftedPerson]]:
        """Frames in order, each with its time, what was seen and its pose. `last`: nothing comes after these poses."""
        self._known |= {pose.source_ns: pose for pose in poses}
        known_ns = sorted(self._known)
        while known_ns and self._waiting and (last or self._waiting[0][0] < known_ns[-1]):
            source_ns, sighting = self._waiting.popleft()
            after = min(bisect_left(known_ns, source_ns), len(known_ns) - 1)
            before = after - 1 if after and known_ns[after] > source_ns else after
            pose = _between(self._known[known_ns[before]], self._known[known_ns[after]], source_ns)
            yield source_ns, sighting, pose
            for old_ns in known_ns[:before]:
                del self._known[old_ns]
            del known_ns[:before]
        if last:
            self._known.clear()


def repeats(times_ns: Sequence[int]) -> Iterator[int]:
    """When the last of these frames is repeated, at the pace that they came."""
    steps = np.diff(np.array(times_ns, np.int64)[-_RATE_FRAMES:])
    step_ns = int(np.median(steps[steps > 0])) if (steps > 0).any() else round(NS_PER_S / RATE_HZ)
    return itertools.count(int(times_ns[-1]) + step_ns, step_ns)


def _between(before: LiftedPerson, after: LiftedPerson, source_ns: int) -> LiftedPerson:
    """Linearly; the nearer one outside of the two."""
    span_ns = max(after.source_ns - before.source_ns, 1)
    share = np.float32(min(max((source_ns - before.source_ns) / span_ns, 0.0), 1.0))

    def blend(one: Array, other: Array) -> Array:
        return np.asarray(one * (1 - share) + other * share, np.float32)

    fill = before.window_fill * (1 - float(share)) + after.window_fill * float(share)
    return LiftedPerson(
        blend(before.joints_m, after.joints_m), blend(before.sigma_m, after.sigma_m), fill, source_ns
    )  # fmt: skip
