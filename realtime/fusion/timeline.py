"""What one camera's stream has said of its people lately, read at any moment in between."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.fuse import Seen
from calibration.floor.ground import Ground
from realtime.clock import NS_PER_S
from realtime.contracts import Pose3D, PoseFrame

Double = NDArray[np.float64]
_KEPT = 64  # frames
_STALE_NS = NS_PER_S * 15 // 100  # beyond its newest frame a camera is believed for so long
_GAP_NS = NS_PER_S * 3 // 10  # between two frames: nothing is known of the time within a longer one
_FASTEST_M_S = 6.0
_RATES = 15  # frames over which the camera's rate is measured
_LIVE_NS, _LIVE_FRAMES = NS_PER_S // 2, 4  # silent for longer, and for more than so many of its frames: it is gone


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A person in one camera at a moment. `track_id`: the camera's own number of them."""

    camera: int
    track_id: int
    seen: Seen
    window_fill: float
    unseen: frozenset[int]


class Timeline:
    """Of one camera. Times are monotonic ns of this machine."""

    def __init__(self, camera: int) -> None:
        self._camera = camera
        self.interval_ns = 0  # between two frames, median of the last ones; 0 where it is not known
        self.late_ns = 0  # from the capture of a frame until it came, at most, lately
        self._frames: deque[tuple[int, int, dict[int, Sight]]] = deque(maxlen=_KEPT)  # captured, came, people

    def push(self, frame: PoseFrame, ground: Ground | None, came_ns: int) -> None:
        """`ground`: what the frame's world stands on. A frame that is not newer than the one before is left out."""
        if self._frames and frame.stamp.capture_ns <= self._frames[-1][0]:
            return
        people = {}
        for person in frame.persons:
            sight = None if person.held else _sight(self._camera, person, frame.space, ground)
            if sight is not None:
                people[person.track_id] = sight
        self._frames.append((frame.stamp.capture_ns, came_ns, people))
        newest = list(self._frames)[-_RATES:]
        steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(newest))
        self.interval_ns = steps[len(steps) // 2] if steps else 0
        self.late_ns = max(came - captured for captured, came, _ in newest)

    @property
    def newest(self) -> tuple[int, list[Sight]] | None:
        """When it was captured, and who is in it; None before the first."""
        return (self._frames[-1][0], list(self._frames[-1][2].values())) if self._frames else None

    def live(self, now_ns: int) -> bool:
        if not self._frames:
            return False
        return now_ns - self._frames[-1][1] <= max(_LIVE_NS, _LIVE_FRAMES * self.interval_ns)

    def at(self, at_ns: int) -> list[Sight]:
        """Who was seen at that moment of the camera's clock: between two frames, or in the newest while it is fresh."""
        after = next((index for index, frame in enumerate(self._frames) if frame[0] >= at_ns), None)
        if after is None:
            newest = self._frames[-1] if self._frames else None
            return list(newest[2].values()) if newest and at_ns - newest[0] <= _STALE_NS else []
        later_ns, _, later = self._frames[after]
        if later_ns == at_ns or after == 0:
            return list(later.values()) if later_ns - at_ns <= _STALE_NS else []
        earlier_ns, _, earlier = self._frames[after - 1]
        if later_ns - earlier_ns > _GAP_NS:
            return []
        share, apart_s = (at_ns - earlier_ns) / (later_ns - earlier_ns), (later_ns - earlier_ns) / NS_PER_S
        both = [(earlier[number], sight) for number, sight in later.items() if number in earlier]
        return [_between(one, other, share) if _same(one, other, apart_s) else (one if share < 0.5 else other)
                for one, other in both]  # fmt: skip


def _sight(camera: int, person: Pose3D, space: str, ground: Ground | None) -> Sight | None:
    """None for somebody who is not placed."""
    placed = (person.joints_m + person.root_m).astype(np.float64)
    if not np.isfinite(placed).all():
        return None
    joints_m = ground.to_camera(placed) if space == "world" and ground is not None else placed
    if joints_m[:, 2].min() <= 0.1:
        return None
    score = person.score.astype(np.float64)
    score[list(person.unseen)] = 0.0
    distance_m = float(joints_m[0, 2])
    root_sigma = person.root_sigma_m / distance_m if np.isfinite(person.root_sigma_m) else 0.1
    seen = Seen(joints_m[:, :2] / joints_m[:, 2:], score, joints_m, person.sigma_m.astype(np.float64), root_sigma)
    return Sight(camera, person.track_id, seen, person.window_fill, frozenset(person.unseen))


def _same(one: Sight, other: Sight, apart_s: float) -> bool:
    """Whether a number is still the same person's: nobody goes across the view faster."""
    across_m = float(np.linalg.norm(other.seen.rays[0] - one.seen.rays[0])) * one.seen.joints_m[0, 2]
    return bool(across_m < _FASTEST_M_S * apart_s + 0.1)


def _between(one: Sight, other: Sight, share: float) -> Sight:
    joints_m = (1 - share) * one.seen.joints_m + share * other.seen.joints_m
    seen = replace(
        other.seen, joints_m=joints_m, rays=(1 - share) * one.seen.rays + share * other.seen.rays,
        score=np.minimum(one.seen.score, other.seen.score),
    )  # fmt: skip
    return replace(other, seen=seen, unseen=one.unseen | other.unseen)
